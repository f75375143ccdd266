"""The checkpoint that a run resumes from: none, the newest complete one, or the one that `resume=` names."""

from __future__ import annotations

import logging

from callsheet.config.plan import Plan
from callsheet.records import ManifestRow
from callsheet.rundir import checkpoints, compatibility, reuse
from callsheet.rundir.checkpoints import put_aside
from callsheet.rundir.revisions import relative
from callsheet.rundir.rundir import RunDir
from callsheet.session.session import Session

logger = logging.getLogger("callsheet")


def is_complete(plan: Plan) -> bool:
    """Whether the run directory holds the same run, and it is completed or a plugin has stopped it."""
    earlier = RunDir(plan.run_dir, is_main=False)
    over = earlier.run().get("status") in ("completed", "stopped")
    return over and reuse.work(earlier.config()) == reuse.work(plan.composed)


def checkpoint_of(plan: Plan, session: Session) -> ManifestRow | None:
    """The checkpoint to resume from. Call it on rank 0: it moves torn checkpoints aside, away from new ones."""
    row, torn = checkpoints.choose(plan.resume, RunDir(plan.run_dir, is_main=False))
    for wreck in torn:
        logger.warning("%s cannot be resumed from: %s. It was moved to torn/.", wreck.name, wreck.fault)
        session.run_dir.event("torn_checkpoint", name=wreck.name, fault=wreck.fault)
        put_aside(plan.run_dir / wreck.name)
    if torn and not row:
        logger.warning("No complete checkpoint is left; the run starts from the beginning.")
    if row:
        before, after = compatibility.processes_of(row.path), session.state.world_size
        if before != after:
            logger.warning("%s was saved by %d processes and resumes with %d.", row.name, before, after)
        logger.info("Resuming from %s.", row.name)
        session.run_dir.event(
            "resuming", checkpoint=relative(row.path, plan.run_dir), step=row.step, processes=[before, after]
        )
    return row
