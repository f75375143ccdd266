from callsheet_plugins.report.sampled.marking import Marker, Piece


def test_words_that_the_text_before_does_not_have_there_are_marked():
    found = Marker().pieces("the cat sat down", "the dog sat down")
    assert found == [Piece("the "), Piece("dog ", is_new=True), Piece("sat down")]


def test_nothing_is_lost():
    before, now = "a b  c\n\nd e f g", "a  b c\n\nd x f g h"
    assert "".join(piece.text for piece in Marker().pieces(before, now)) == now


def test_of_texts_that_have_little_in_common_nothing_is_marked():
    assert Marker().pieces("one two three four", "five six seven eight") == [Piece("five six seven eight")]


def test_what_would_take_too_long_is_not_marked():
    marker, text = Marker(pairs_left=100), "a b c d e f g h i j k l"
    assert marker.pieces(text, f"{text} m") == [Piece(f"{text} m")]
    assert any(piece.is_new for piece in marker.pieces("a b c", "a b d"))
