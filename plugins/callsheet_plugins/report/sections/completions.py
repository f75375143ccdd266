"""The section of completions: what the model said to the same prompts, step beside step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from callsheet_plugins.report.layouts.books import beside, book, is_marked
from callsheet_plugins.report.page.section import Section
from callsheet_plugins.report.sampled.beside import ROLLOUTS
from callsheet_plugins.report.sampled.choosing import choose
from callsheet_plugins.report.sampled.marking import Marker

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import Report, RunData

BUDGET = 400_000  # characters of one page
MOST_RUNS = 20
MOST_BESIDE = 12  # runs beside each other
SOURCES = {"eval": "Evaluation set", ROLLOUTS: "Rollouts of training"}


def section(report: Report) -> Section | None:
    having = [run for run in _one_of_each_first(report.runs) if run.completions.steps]
    chosen = having[:MOST_RUNS]
    if not chosen:
        return None
    marker, share = Marker(), BUDGET // (len(chosen) + (len(chosen) > 1))
    books = [book(run, choose(run.completions, share), marker) for run in chosen]
    runs = [each for each in books if each.tables]
    kept = [*runs, *(beside(chosen[:MOST_BESIDE], share) if len(chosen) > 1 else ())]
    values = {
        "books": kept,
        "sources": SOURCES,
        "runs_left_out": len(having) - len(runs),
        "marks": any(map(is_marked, kept)),
    }
    return Section("completions", "Completions", "completions.html.jinja", values) if runs else None


def _one_of_each_first(runs: Sequence[RunData]) -> list[RunData]:
    """The first run of each arm, then the others."""
    firsts = {run.group: run for run in reversed(runs)}.values()
    return [*(run for run in runs if run in firsts), *(run for run in runs if run not in firsts)]
