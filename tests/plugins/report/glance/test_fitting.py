"""A table that fits its screen."""

from math import inf

import pytest

from callsheet_plugins.report.glance.fitting import Cells, columns_of_the_screen, cut_to, fitted, width_of

RUNS = Cells("run", ["a-very-long-name-of-a-run-that-ends-in-1", "b"], 0, least=12, is_cut_in_the_middle=True)
STATES = Cells("status", ["completed", "dead"], 1)
SIZES = Cells("size", ["10 MB", "9 kB"], 2, is_number=True)


def test_with_room_all_is_shown_and_numbers_stand_right():
    lines, dropped = fitted([RUNS, STATES, SIZES], inf)
    assert lines[2] == f"{'b':40}  dead        9 kB" and not dropped


def test_without_room_names_are_cut_in_the_middle_and_then_the_highest_rank_goes():
    lines, dropped = fitted([RUNS, STATES, SIZES], 32)
    assert not dropped and max(map(len, lines)) == 32
    assert lines[1].startswith("a-very…ds-in-1  completed  10 MB")
    lines, dropped = fitted([RUNS, STATES, SIZES], 24)
    assert [each.header for each in dropped] == ["size"] and max(map(len, lines)) <= 24
    lines, dropped = fitted([RUNS, STATES, SIZES], 5)
    assert [each.header for each in dropped] == ["status", "size"] and lines[1] == "a-…-1"


def test_wide_signs_take_two_columns():
    lines, _ = fitted([Cells("run", ["東京", "abcd"], 0), SIZES], inf)
    assert width_of("東京") == 4 and lines[1] == "東京  10 MB" and lines[2] == "abcd   9 kB"
    assert cut_to("東京東京", 5) == "東京…" and cut_to("東京東京", 4, in_the_middle=True) == "…京"


def test_no_rows_are_a_header():
    assert fitted([Cells("run", [], 0)], 80) == (["run"], [])


@pytest.mark.parametrize(("said", "expected"), [("100", 100), ("", inf), ("0", inf), ("many", inf)])
def test_the_screen_is_as_wide_as_columns_says_or_without_end_in_a_pipe(monkeypatch, said, expected):
    monkeypatch.setenv("COLUMNS", said)
    assert columns_of_the_screen() == expected
