"""What is said of an error."""

import pytest

from callsheet.errors import counted, first_line


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (ValueError("\n  a model is meant\nSee the manual."), "a model is meant"),
        (ValueError(""), "ValueError"),
        (ValueError(" \n"), "ValueError"),
        ("refused\nby the server", "refused"),
    ],
)
def test_an_error_is_told_by_its_first_line_or_its_type(said, line):
    assert first_line(said) == line


def test_a_number_agrees_with_its_noun():
    assert [counted(number, "row") for number in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]
    assert counted(1, "entry", "entries") == "1 entry" and counted(1200, "entry", "entries", ",") == "1,200 entries"
