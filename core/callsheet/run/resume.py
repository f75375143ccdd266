"""The checkpoint that a run resumes from: none, the newest complete one, or the one that `resume=` names."""

from __future__ import annotations

import logging

from callsheet.config.plan import Plan
from callsheet.errors import counted
from callsheet.records import ManifestRow
from callsheet.rundir.again import compatibility, resuming
from callsheet.rundir.checkpoints import put_aside
from callsheet.rundir.revisions import relative
from callsheet.rundir.rundir import RunDir
from callsheet.session.session import Session

logger = logging.getLogger("callsheet")


def is_complete(plan: Plan) -> bool:
    """Whether the run directory holds the same run, and it is completed or a plugin has stopped it."""
    return resuming.is_complete(plan.wish)


def checkpoint_of(plan: Plan, session: Session) -> ManifestRow | None:
    """The checkpoint to resume from. Call it on rank 0: it moves torn checkpoints aside, away from new ones."""
    start = resuming.start(plan.wish)
    row, torn = start.row, start.torn
    for wreck in torn:
        logger.warning("%s cannot be resumed from: %s. It was moved to torn/.", wreck.name, wreck.fault)
        session.run_dir.event("torn_checkpoint", name=wreck.name, fault=wreck.fault)
        put_aside(plan.run_dir / wreck.name)
    if torn and not row:
        logger.warning("No complete checkpoint is left; the run starts from the beginning.")
    if row:
        before, after = compatibility.processes_of(row.path), session.state.world_size
        if before != after:
            said = "%s was saved by %s and resumes with %d: what follows is not bit for bit the same."
            logger.warning(said, row.name, counted(before, "process", "processes"), after)
        logger.info("Resuming from %s.", row.name)
        session.run_dir.event(
            "resuming", checkpoint=relative(row.path, plan.run_dir), step=row.step, processes=[before, after]
        )
        _write_branch(start, session.run_dir)
    return row


def _write_branch(start: resuming.Start, run_dir: RunDir) -> None:
    """Write into `run.json` where a branch comes from, and what it has changed."""
    if start.row and start.branched is not None:
        changed = {one.name: {"before": one.before, "now": one.now} for one in start.branched}
        origin = {"checkpoint": relative(start.row.path, run_dir.path), "step": start.row.step}
        run_dir.update_run(branch={**origin, "changed": changed})
