import pytest

from callsheet_plugins.report.page.templates import environment
from callsheet_plugins.report.telling.visible import in_line, said, visible


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[31mred", "⟨U+001B⟩[31mred"),
        ("a\0b\x7f\x85", "a⟨U+0000⟩b⟨U+007F⟩⟨U+0085⟩"),
        ("user\u202egpj.exe", "user⟨U+202E⟩gpj.exe"),
        ("half \ud83d", "half \ufffd"),
        ("a\r\nb\rc", "a\nb⟨U+000D⟩c"),
    ],
)
def test_a_sign_that_is_obeyed_is_seen(text: str, seen: str):
    assert visible(text) == seen


@pytest.mark.parametrize("text", ["two\nlines\tand a tab", "مرحبا", "می\u200cخواهم", "👩\u200d💻", "<script>"])
def test_text_of_any_language_stays_as_it_is(text: str):
    assert visible(text) == text


def test_a_text_without_end_loses_its_middle():
    assert len(said("x" * 1_000_000)) < 500
    assert "characters left out" in said("x" * 1_000_000)


def test_what_is_nested_without_end_is_shown_in_part():
    nested: list[object] = []
    for _ in range(5_000):
        nested = [nested]
    assert in_line(nested).startswith("[[[")


def test_every_text_of_a_template_is_made_visible_and_escaped():
    made = environment().from_string('<i title="{{ text }}">{{ text }}</i>').render(text='\x1b<b>"')
    assert made == '<i title="⟨U+001B⟩&lt;b&gt;&#34;">⟨U+001B⟩&lt;b&gt;&#34;</i>'
