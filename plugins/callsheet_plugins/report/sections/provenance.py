"""The section of provenance: what to copy to say, or to repeat, where runs come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from callsheet_plugins.report.compared.asked import asked
from callsheet_plugins.report.compared.provenance import command, told
from callsheet_plugins.report.page.section import Section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet_plugins.report.gathered import Report, RunData

MOST = 20  # runs
MOST_CHARACTERS = 120_000


@dataclass(frozen=True)
class Origin:
    """Of one run: its command line, and all that is known of it as text."""

    label: str
    command: str
    told: str


def section(report: Report) -> Section | None:
    chosen = list(_chosen(report))
    left_out = len(report.runs) - len(chosen)
    calls = [(each.name or each.directory.name, asked(each.directory)) for each in report.experiments[:MOST]]
    values = {"origins": chosen, "left_out": left_out, "experiments": [(name, call) for name, call in calls if call]}
    return Section("provenance", "Provenance", "provenance.html.jinja", values)


def _chosen(report: Report) -> Iterator[Origin]:
    """Of many runs one of each group, then the others, as long as there is room."""
    groups: dict[str, list[RunData]] = {}
    for run in report.runs:
        groups.setdefault(run.group, []).append(run)
    firsts = [runs[0] for runs in groups.values()] if len(report.runs) > MOST else []
    others = [run for run in report.runs if run not in firsts]
    left = MOST_CHARACTERS
    for run in [*firsts, *others][:MOST]:
        origin = Origin(run.label, command(run.record), told(run.label, run.record, run.config))
        left -= len(origin.told) + len(origin.command)
        if left < 0:
            return
        yield origin
