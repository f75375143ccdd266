"""Which sections the page has, in their order."""

from __future__ import annotations

from importlib import import_module
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


def section(name: str, report: Report) -> Section | None:
    """The section of this name, where it has something to show."""
    found: Section | None = import_module(f"{PACKAGE}.{name}").section(report)
    return found
