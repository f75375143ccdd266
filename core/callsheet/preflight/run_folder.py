"""Checks whether a run may use its directory, and resume from the chosen checkpoint."""

from __future__ import annotations

from pathlib import Path

from callsheet.config.plan import Plan
from callsheet.errors import CallsheetError
from callsheet.model_files.contents import Damaged, json_of
from callsheet.records import ManifestRow
from callsheet.rundir import checkpoints, compatibility, reuse
from callsheet.rundir.rundir import RunDir


def problems(plan: Plan) -> list[str]:
    """List the problems, unless the directory is free or holds the same run with a checkpoint that fits.

    Of a checkpoint's files, only the sizes are compared: training hashes all of them before it resumes.
    """
    if wrong := reuse.path_problems(plan.run_dir):
        return wrong
    if said := RunDir(plan.run_dir, is_main=False).occupied():
        return [said]
    occupied = reuse.occupant_problems(plan.run_dir, plan.resume, plan.composed)
    try:
        row, _ = checkpoints.choose(plan.resume, RunDir(plan.run_dir, is_main=False), deep=False)
    except CallsheetError as error:
        return [*occupied, str(error)]
    return occupied or _resume_problems(plan, row)


def _resume_problems(plan: Plan, row: ManifestRow | None) -> list[str]:
    """Check that the checkpoint fits the engine and, if the model is a folder, the model."""
    if row is None:
        return []
    try:
        config = dict(json_of(Path(plan.model.path).expanduser() / "config.json"))
    except Damaged:
        config = {}  # said by model_pieces
    config.pop("vocab_size", None)  # a chat template may add tokens; training compares the loaded model
    processes = (plan.launch.processes or 0) * plan.launch.nodes or None
    wrong = compatibility.misfit(row.path, plan.launch.name, processes) or compatibility.another_model(row.path, config)
    return [wrong] if wrong else []
