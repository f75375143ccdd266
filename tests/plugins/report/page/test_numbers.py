import pytest

from callsheet_plugins.report.page.numbers import shown


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
