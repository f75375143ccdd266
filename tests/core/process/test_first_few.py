"""Warnings by the thousand: a few are said, the others counted."""

import logging

from callsheet.process.first_few import FirstFew

logger = logging.getLogger("callsheet.tests")


def test_the_first_of_each_kind_are_said_and_the_others_summed_up_once(caplog):
    few = FirstFew(logger, "entries failed")
    for number in range(1000):
        few.warn(f"refused by {'ab'[number % 2]}, request {number}f", f"entry {number}: refused")
        if number % 100 == 0:
            few.warn("disk full", f"entry {number}: disk full")
    few.sum_up("Try again.")
    said = [record.getMessage() for record in caplog.records]
    assert said[:3] == ["entry 0: refused", "entry 0: disk full", "entry 1: refused"]
    assert said[-4:] == [
        "497 more entries failed: refused by a, request 0f",
        "7 more entries failed: disk full",
        "497 more entries failed: refused by b, request 1f",
        "Try again.",
    ]
    assert len(said) == 13
    few.sum_up("Try again.")
    assert len(caplog.records) == 13


def test_a_few_are_said_whole_and_nothing_is_added(caplog):
    few = FirstFew(logger, "entries failed")
    for number in range(3):
        few.warn("refused", f"entry {number}: refused")
    few.sum_up("Try again.")
    assert [record.getMessage() for record in caplog.records] == [f"entry {number}: refused" for number in range(3)]


def test_a_thousand_kinds_are_no_thousand_lines(caplog):
    few = FirstFew(logger, "entries failed")
    for number in range(1000):
        few.warn("".join(chr(ord("g") + int(digit)) for digit in str(number)), f"entry {number}")
    few.sum_up()
    assert len(caplog.records) == 14 and caplog.records[-1].getMessage() == "987 more entries failed: for other reasons"
