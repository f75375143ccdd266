import pytest

from callsheet_plugins.report.page.numbers import shown, sort_key


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1234567, "1234567"),
        (1 / 3, "0.3333"),
        (0.0, "0"),
        (-2.5, "-2.5"),
        (123456.7, "123457"),
        (1.2345e-5, "1.234e-5"),
        (2.5e8, "2.500e8"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
    ],
)
def test_a_number_is_short_and_loses_no_digit_before_its_point(value: float, said: str):
    assert shown(value) == said


@pytest.mark.parametrize(
    ("value", "text", "key"),
    [
        (0.5, "0.5", ""),
        (7, "7", ""),
        (1 / 3, "0.3333", "0.333333333"),
        (60.0, "1 min", "60"),
        (float("nan"), "nan", ""),
    ],
)
def test_what_sorts_a_number_is_written_where_its_text_does_not(value: float, text: str, key: str):
    assert sort_key(value, text) == key
