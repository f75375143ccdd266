"""What is said of an error."""

import pytest

from callsheet.errors import first_line


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
