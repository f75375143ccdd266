"""Answers: what was said to single prompts at any two checkpoints, and which answers flipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from callsheet.errors import counted
from callsheet_plugins.report.flipped.sets import sets
from callsheet_plugins.report.page.figure_json import in_a_script
from callsheet_plugins.report.page.section import Section
from callsheet_plugins.report.scored.answered import Answers
from callsheet_plugins.report.scored.metrics import indexed

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import Report

WHY_NOT = "are gone, hold no scores, or are too many for a page"
EVERYTHING = (
    "Every answer lies in predictions/ in its run directory. "
    "callsheet compare RUN RUN --flips 1000 prints what flipped between the last scores of two runs."
)
FLIPS = (
    "from",
    "to",
    "wrong → right",
    "right → wrong",
    "right in both",
    "wrong in both",
    "difference",
    "95 % from",
    "to",
)


def section(report: Report) -> Section | None:
    """None where no score kept its answers."""
    found, left_out = sets(indexed(report), report, Answers())
    if not found and not left_out:
        return None
    notes = [note for each in found for note in each.notes]
    if left_out:
        other = "other " if found else ""
        notes.append(f"The answers to {counted(left_out, f'{other}benchmark')} are not here: they {WHY_NOT}.")
    if notes:
        notes.append(EVERYTHING)
    return Section(
        "answers",
        "Answers and flips",
        "answers.html.jinja",
        {
            "sets": found,
            "content": Markup(in_a_script([each.content for each in found])),  # which escapes it
            "columns": FLIPS,
            "notes": [*dict.fromkeys(notes)],
        },
    )
