from callsheet_plugins.report.page.anchors import anchor


def test_a_plain_name_is_its_own_anchor():
    assert anchor("curves", "loss") == "curves-loss"


def test_different_texts_have_different_anchors_that_need_no_escape():
    made = [anchor(text) for text in ("a b", "a/b", "A b", "é", "<b>", "", "x" * 200, "x" * 201, "\udc80", "日本")]
    assert len(set(made)) == len(made)
    assert all(text.replace("-", "").isalnum() and text.isascii() and len(text) < 80 for text in made)
