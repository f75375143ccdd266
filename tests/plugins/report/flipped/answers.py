"""Answers of several checkpoints for tests of flips."""

from callsheet_plugins.report.flipped.asked import asked
from callsheet_plugins.report.flipped.columns import columns
from callsheet_plugins.report.gathered import Report
from callsheet_plugins.report.scored.answered import Answers
from callsheet_plugins.report.scored.metrics import indexed
from plugins.report.scored.scores import scored_run


def asked_of(folder, *answers):
    """What one run answered at the steps 0, 1, …"""
    run = scored_run(folder / "a", [("t", {"m": 0.5}, step, rows) for step, rows in enumerate(answers)])
    (found,) = indexed(Report("x", folder, [run])).values()
    reader = Answers()
    return asked(columns(found, "maximize", reader)[0], reader)
