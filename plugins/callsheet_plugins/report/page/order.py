"""Which sections the page has, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import Report
    from callsheet_plugins.report.page.section import Section

PACKAGE = "callsheet_plugins.report.sections"
ORDER = (
    "overview",
    "curves",
    "scores",
    "answers",
    "completions",
    "timeline",
    "cost",
    "events",
    "differences",
    "provenance",
)


def sections(report: Report) -> Iterator[Section]:
    """Those that have something to show."""
    for name in ORDER:
        if find_spec(f"{PACKAGE}.{name}") and (found := import_module(f"{PACKAGE}.{name}").section(report)):
            yield found
