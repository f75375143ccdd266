"""Whether a run may begin in its directory, and from which checkpoint: decided here, for every part that asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callsheet.errors import CallsheetError
from callsheet.records import ManifestRow
from callsheet.rundir import checkpoints
from callsheet.rundir.again import changes, reuse
from callsheet.rundir.again.changes import NO, SAID, YES, Difference
from callsheet.rundir.checkpoints import Torn
from callsheet.rundir.rundir import CONFIG, RUN, RunDir

SHOWN = 4
MODEL_ONLY = "trainer.args.save_only_model=true"


@dataclass(frozen=True)
class Wish:
    """What somebody asked for: a run with the configuration `composed` in `folder`, resumed as `resume` says.

    `defaults` are the values of settings that an earlier Callsheet did not have, by name.
    """

    folder: Path
    resume: str
    branch: bool
    composed: Mapping[str, Any]
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names_checkpoint(self) -> bool:
        return self.resume not in ("auto", "never")

    @property
    def checkpoint(self) -> Path:
        return Path(self.resume).expanduser().absolute()

    def differs_from(self, folder: Path) -> list[Difference]:
        """The settings in which it differs from the run in `folder`; none if no run of Callsheet is there."""
        if not (folder / CONFIG).exists() and not (folder / RUN).exists():
            return []
        return [*changes.differences(RunDir(folder, is_main=False).config(), self.composed, self.defaults)]


@dataclass(frozen=True)
class Start:
    """`row` is the checkpoint to begin from, if there is one; `torn` are newer ones that cannot be used.

    `branched` are the settings in which a branch differs from the run of `row`; None if it is no branch.
    """

    row: ManifestRow | None = None
    torn: Sequence[Torn] = ()
    branched: Sequence[Difference] | None = None


def decide(wish: Wish) -> tuple[list[str], list[str], ManifestRow | None]:
    """Problems, warnings and the checkpoint to begin from. Of its files, it compares only the sizes."""
    if wrong := reuse.path_problems(wish.folder) or _branch_problems(wish):
        return wrong, [], None
    if said := RunDir(wish.folder, is_main=False).occupied():
        return [said], [], None
    occupied = reuse.occupant_problems(wish.folder, wish.resume)
    differs = [] if occupied else wish.differs_from(wish.folder)
    occupied = occupied or _occupant_problems(wish, differs)
    try:
        row, _ = _chosen(wish, deep=False)
    except CallsheetError as error:
        return [*occupied, str(error)], [], None
    if occupied or row is None:
        return occupied or _overwrite_problems(wish), [], None
    if row.path.parent == wish.folder:
        return [], _said(differs), row
    problems, warnings = _from_elsewhere(wish, row)
    return problems, warnings, row


def start(wish: Wish, *, deep: bool = True) -> Start:
    """Where the run begins. `deep` reads every file of the checkpoint; raises `CallsheetError` if it is damaged."""
    row, torn = _chosen(wish, deep=deep)
    if row is None or not wish.branch or row.path.parent == wish.folder:
        return Start(row, torn)
    return Start(row, torn, [*filter(_matters, wish.differs_from(row.path.parent))])


def _chosen(wish: Wish, *, deep: bool) -> tuple[ManifestRow | None, list[Torn]]:
    """The checkpoint to begin from, and newer ones that cannot be used; a branch that was begun goes on by itself."""
    own = RunDir(wish.folder, is_main=False)
    row, torn = checkpoints.choose("auto" if wish.branch else wish.resume, own, deep=deep)
    if row is None and wish.branch:
        row, _ = checkpoints.choose(wish.resume, own, deep=deep)
    return row, torn


def is_complete(wish: Wish) -> bool:
    """Whether nothing is left to do: the directory holds this very run, completed, or stopped by a plugin."""
    if wish.names_checkpoint and not wish.branch:
        return False
    earlier = RunDir(wish.folder, is_main=False)
    over = wish.resume != "never" and earlier.run().get("status") in reuse.OVER
    return over and reuse.work(earlier.config()) == reuse.work(wish.composed)


def _branch_problems(wish: Wish) -> list[str]:
    if not wish.branch:
        return []
    if not wish.names_checkpoint:
        return ["branch=true starts a new run from a checkpoint of another one; name it: resume=RUN/checkpoint-N."]
    if wish.checkpoint.parent == wish.folder:
        return [f"branch=true starts a new run, and output_dir={wish.folder} is that of the old one. Choose another."]
    return []


def _occupant_problems(wish: Wish, differs: Sequence[Difference]) -> list[str]:
    """Why the run in the directory, from which the wish `differs`, is not this one."""
    wrong = [one for one in differs if one.rule.resume == NO]
    if wish.branch and (own := RunDir(wish.folder, is_main=False)).run():
        before = own.config()
        if not before.get("branch") or Path(str(before.get("resume"))).expanduser().absolute() != wish.checkpoint:
            return [f"output_dir={wish.folder} holds a run that did not begin at {wish.checkpoint}. Choose another."]
    if not wrong or reuse.failed_before_its_first_step(wish.folder):
        return []
    newest = next(iter(checkpoints.survey(RunDir(wish.folder, is_main=False))[0]), None)
    offer = f", or start a new run from this one: resume={newest.path} branch=true" if newest else ""
    return [f"output_dir={wish.folder} holds another run: {_listed(wrong)}. Choose another output_dir{offer}."]


def _overwrite_problems(wish: Wish) -> list[str]:
    """Why training may not begin anew where a run has left something of worth, with nothing to resume from."""
    if wish.resume == "never" or not (wish.folder / RUN).exists():
        return []
    own = RunDir(wish.folder, is_main=False)
    run = own.run()
    if not (said := past_resuming(own, run)):
        return []
    what = f"a run that is {run['status']}" if run.get("status") in reuse.OVER else "a run with checkpoints"
    return [f"output_dir={wish.folder} holds {what}, and cannot be resumed: {said}"]


def past_resuming(own: RunDir, run: Mapping[str, Any]) -> str:
    """Why a run without a complete checkpoint could only be trained over, and what to do; empty if it loses nothing.

    The text goes on from a colon. `run` is what run.json says.
    """
    kept = checkpoints.model_only(own)
    if not kept and run.get("status") not in reuse.OVER:
        return ""
    why = f"{kept[0].name} holds only the model ({MODEL_ONLY})" if kept else "it kept no complete checkpoint"
    other = f", or start from its weights with model.path={kept[0].path}" if kept else ""
    return f"{why}. To train from the beginning would overwrite it. Choose another output_dir{other}."


def _from_elsewhere(wish: Wish, row: ManifestRow) -> tuple[list[str], list[str]]:
    """Problems and warnings of a run that goes on with the run of another directory, or branches from it."""
    differs = wish.differs_from(row.path.parent)
    wrong = [one for one in differs if (one.rule.branch if wish.branch else one.rule.resume) == NO]
    if wrong and wish.branch:
        said = f"branch=true cannot change this: {_listed(wrong)}; {wrong[0].rule.why}"
        return [f"{said}. To start from the weights of {row.name} alone, set model.path={row.path}."], []
    if wrong:
        said = f"resume={row.path} belongs to another run: {_listed(wrong)}"
        return [f"{said}. Add branch=true to start a new run from it with these settings."], []
    if not wish.branch:
        return [], _said(differs)
    changed = _listed([*filter(_matters, differs)]) or "nothing that it learns from is changed"
    return [], [f"This run branches from {row.path}: {changed}."]


def _matters(difference: Difference) -> bool:
    return difference.rule.resume != YES


def _said(differs: Sequence[Difference]) -> list[str]:
    return [f"{one}: {one.rule.why}." for one in differs if one.rule.resume == SAID]


def _listed(differs: Sequence[Difference]) -> str:
    shown = ", ".join(map(str, differs[:SHOWN]))
    return f"{shown}, and {len(differs) - SHOWN} more" if len(differs) > SHOWN else shown
