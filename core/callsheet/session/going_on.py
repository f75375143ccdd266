"""The command that goes on with a run: its own again, with the run's directory, wherever that lies by now."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from callsheet.config.overrides import as_typed
from callsheet.disk.standing import short, working_directory
from callsheet.rundir.again import resuming
from callsheet.rundir.checkpoints import model_only
from callsheet.rundir.rundir import RUN, RunDir
from callsheet.secrets import HIDDEN

# What the directory answers by itself, and how a run of 0.1 named its program: `callsheet train` in one word.
PLACES = re.compile(r"\+*(output_dir|resume)=")
LONGEST = 8_000  # characters: nobody copies more from a screen
EXPERIMENT = "experiment.json"
PLACES_OF_BRANCH = re.compile(r"\+*output_dir=")  # `resume` says where it begins


def command(run_dir: Path, run: Mapping[str, Any]) -> str:
    """The command line, for a shell; empty for a script, a folder of scores, and where it is `LONGEST`."""
    if experiment := _experiment(run_dir, run):
        return experiment
    overrides = _overrides(run)
    if overrides is None:
        return ""
    started_in = str(run.get("cwd") or "")
    elsewhere = bool(started_in) and Path(started_in) != working_directory()
    branches = bool(run.get("config", {}).get("branch"))
    answered = PLACES_OF_BRANCH if branches else PLACES
    kept = [as_typed(item) for item in overrides if not answered.match(item)]
    place = str(run_dir) if elsewhere else short(run_dir)
    again = shell("callsheet", "train", *kept, f"output_dir={place}")
    found = f"{shell('cd', started_in)} && {again}" if elsewhere else again
    return found if len(found) <= LONGEST else ""


def hint(run_dir: Path, run: Mapping[str, Any]) -> str:
    """What to know before one types it."""
    overrides = _overrides(run)
    if overrides is None:
        script = " ".join(map(str, run.get("command", ())))
        return f"Run its script again ({script}), with resume_from_checkpoint" if script else ""
    if sum(map(len, overrides)) > LONGEST // 2:
        return f"Its overrides, {sum(map(len, overrides)):,} characters, stand in {short(run_dir / RUN)}."
    hidden = f"{HIDDEN} stands for a secret: type it again." if any(HIDDEN in item for item in overrides) else ""
    started_in = str(run.get("cwd") or "")
    if started_in and not Path(started_in).is_dir():
        gone = f"It was started in {started_in} on {run.get('host', 'another machine')}, which is not here."
        return f"{gone} {hidden}".strip()
    return hidden


def past_resuming(folder: RunDir, run: Mapping[str, Any]) -> str:
    """Why a run without a complete checkpoint cannot go on, and what to do; empty if it may begin again."""
    if _overrides(run) is not None:
        return resuming.past_resuming(folder, run)
    kept = next(iter(model_only(folder)), None)
    return f"{kept.name} holds only the model, and a Trainer would begin with a new optimizer." if kept else ""


def shell(*words: str) -> str:
    """A command line to copy, with quotes where a shell needs them."""
    return shlex.join(words)


def _experiment(run_dir: Path, run: Mapping[str, Any]) -> str:
    """The command that goes on with the experiment of an arm; empty for a plain run, and an arm that lies elsewhere."""
    arm = run.get("arm")
    if not arm or not (run_dir.parent / EXPERIMENT).is_file():
        return ""
    again = ("--rerun", str(arm.get("name"))) if run.get("status") == "failed" else ()
    return shell("callsheet", "experiment", "resume", short(run_dir.parent), *again)


def _overrides(run: Mapping[str, Any]) -> Sequence[str] | None:
    """The overrides of a run of the command line; those of Callsheet 0.1 stand in its command."""
    if "overrides" in run:
        found: Sequence[str] | None = run["overrides"]
        return found
    program, *rest = [*map(str, run.get("command", ())), ""]
    return [item for item in rest if item and item != "--run"] if program == "callsheet train" else None
