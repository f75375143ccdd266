"""One run from its start to its end: directory, hooks around the loop, and `on_run_end` exactly once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from callsheet.disk import reserve
from callsheet.distributed.world import world
from callsheet.hooks import Plugin
from callsheet.outbox import Outbox
from callsheet.outbox.counts import counts_of
from callsheet.outbox.entries import Entry
from callsheet.outbox.settings import OutboxSettings
from callsheet.outbox.supervisor.supervisor import Supervisor
from callsheet.plugins.lineup import Lineup
from callsheet.process.signals import Interrupted, Signals
from callsheet.records import (
    ArmResult,
    ExperimentResult,
    LogContext,
    LoopArtifacts,
    LoopState,
    ManifestRow,
    RunResult,
)
from callsheet.rundir.rundir import WAITING, RunDir
from callsheet.secrets import redact
from callsheet.session import membership, outcome, provenance
from callsheet.session.announcer import Announcer
from callsheet.session.beside.late_checkpoints import LateCheckpoints
from callsheet.session.manifest import ManifestWriter
from callsheet.session.recorded.arm import ended


class Session:
    """A run in progress, as a context manager: the exception that leaves the block decides how the run ended."""

    def __init__(
        self,
        ctx: LogContext,
        plugins: Mapping[str, Plugin],
        *,
        signals: Signals | None = None,
        outbox: OutboxSettings | None = None,
        overrides: Sequence[str] | None = None,
    ) -> None:
        here = world()
        self.ctx = ctx
        self.signals = signals or Signals()
        self.run_dir = RunDir(ctx.run_dir, is_main=here.is_main)
        self.lineup = Lineup(plugins, rank=here.rank, world_size=here.size, log=self.run_dir.event)
        ctx.publishes = self.lineup.publishes
        ctx.cost = self.lineup.cost
        self.announcer = Announcer(self.run_dir, ctx, self.lineup)
        self.late = LateCheckpoints(self.run_dir, here.rank, self._complete, self.lineup)
        self.state = LoopState(
            ctx, self.lineup.request, self._announce, rank=here.rank, world_size=here.size, refuse=self.lineup.refuse,
            beside=self.late.parts.add, show=self.announcer.completions,
        )  # fmt: skip
        self.outbox = outbox or OutboxSettings()
        self.overrides = overrides
        self.supervisor: Supervisor | None = None
        self.membership = membership.of_this_run()
        self.arm = ArmResult(ctx.run)
        if self.membership:
            self.membership.join(ctx)
            self.arm = self.membership.result(ctx.run)
        self.metrics: dict[str, float] = {}
        self.artifacts = LoopArtifacts()
        self.stopped_by: str | None = None
        self.result: RunResult | None = None
        self._started = 0.0
        self._manifest: ManifestWriter | None = None

    @property
    def is_open(self) -> bool:
        """Whether the run has started and not ended."""
        return bool(self._started) and self.result is None

    def move_to(self, folder: Path, config: dict[str, Any]) -> None:
        """Use `folder` as run directory: in a script, the Trainer tells it only when training begins."""
        self.run_dir.path = self.ctx.run_dir = folder
        self.ctx.run = folder.name
        self.ctx.run_config = redact(config)
        self.arm = ArmResult(folder.name)

    def start(self) -> None:
        """Lock the run directory, write `run.json`, and announce the run."""
        self.run_dir.open()
        earlier = self.run_dir.run()
        self._started, self.result, self.stopped_by = time.perf_counter(), None, None
        self.artifacts = LoopArtifacts(run_dir=self.run_dir.path)
        self.state.note_stop(False)
        self.ctx.outbox = Outbox(self.run_dir.path)
        self.ctx.ids = {**earlier.get("ids", {}), **self.ctx.ids}
        if self.run_dir.is_main:
            reserve.keep(self.run_dir.path)
            self._manifest = ManifestWriter(self.run_dir)
            self.late.parts.sweep()
            arm = self.membership.as_dict() if self.membership else None
            provenance.write_start(self.run_dir, self.ctx, self.lineup, earlier, self.overrides, arm)
        self.run_dir.event("started", attempt=len(earlier.get("attempts", [])) + 1)
        if self.run_dir.is_main:
            self.supervisor = self.announcer.supervise(self.outbox)
            self.supervisor.open()
        if not self.membership:
            self.lineup.hooks.on_experiment_start(ctx=self.ctx)
        self.lineup.hooks.on_run_start(ctx=self.ctx)
        self.run_dir.update_run(ids=self.ctx.ids)

    def __enter__(self) -> Session:
        try:
            self.start()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            self.finish(error)
        except BaseException:
            self.run_dir.close()
            raise
        self.close()

    def close(self) -> None:
        """Release the run directory after `finish`, and announce that it is complete."""
        self.run_dir.close()
        if self.result and self.run_dir.is_main:
            self.lineup.hooks.on_run_closed(ctx=self.ctx, run_result=self.result)

    def finish(self, error: BaseException | None = None) -> None:
        """Announce the end of the run and write its outcome; a second call does nothing."""
        if not self.is_open:
            return
        self.signals.patient = True
        self.signals.promise = "waiting no longer for what is not written or published"
        self.result = outcome.result_of(self, error, time.perf_counter() - self._started)
        outcome.write_end(self, self.result, error)
        wants_out = partial(self._wants_out, error, self.signals.received)
        try:
            self.late.finish(wants_out)
            self._publish(error)
        finally:
            self._say_ended(self.result, error)

    def _complete(self, row: ManifestRow) -> None:
        """Announce a complete checkpoint and write it into the manifest, with the outbox entries put for it; rank 0."""
        if not self._manifest:
            return
        try:
            self.lineup.hooks.on_checkpoint_complete(ctx=self.ctx, row=row)
        except Exception:  # a plugin that ends the run does not take the checkpoint with it
            self._manifest.add(row, self._put_lately())
            raise
        self._manifest.add(row, self._put_lately())

    def _put_lately(self) -> list[Entry]:
        return self.supervisor.put_lately() if self.supervisor else []

    def beside(self, task: Callable[[Callable[[], bool]], None]) -> None:
        """Do `task` on rank 0 beside the loop, with nobody waiting; it is given a function that says when to stop."""
        if self._manifest:
            self._manifest.beside(task)

    def unpublished(self) -> dict[str, int]:
        """The number of outbox entries that are done, left and failed; empty if none was ever put."""
        return counts_of(self.run_dir.path) if self.supervisor else {}

    def _announce(self, *score: Any) -> None:
        self.announcer.score_in_loop(self.state, *score)

    def _publish(self, error: BaseException | None) -> None:
        """Wait for the courier. If the run failed or got a signal, do not wait, only collect what is there."""
        if self.supervisor:
            self.run_dir.now_doing(WAITING)
            seconds = 0.0 if self._in_a_hurry(error) else self.outbox.deadline_seconds
            self.supervisor.wait(seconds, stop=lambda: self.signals.received is not None)

    def _wants_out(self, error: BaseException | None, before: int | None) -> bool:
        """Whether to wait no longer for the disk. A launcher tells all that are left when one failed: no hurry yet."""
        return isinstance(error, Interrupted) or (self.signals.received != before and not world().is_worker)

    def _in_a_hurry(self, error: BaseException | None) -> bool:
        return error is not None or self.signals.received is not None

    def _alone(self, arm: ArmResult) -> ExperimentResult:
        """The result of a plain run, which is an experiment of one arm."""
        known = self.ctx.ids.get("experiment_id")
        return ExperimentResult([arm], name=self.ctx.experiment, experiment_id=str(known or ""))

    def _say_ended(self, result: RunResult, error: BaseException | None) -> None:
        try:
            arm = ended(self.arm, self.run_dir, result, self.ctx.run_config)
            self.lineup.hooks.on_run_end(ctx=self.ctx, run_result=result, arm=arm)
            if not self.membership:
                self.lineup.hooks.on_experiment_end(ctx=self.ctx, result=self._alone(arm))
            self._publish(error)  # the two hooks may have put entries
        finally:
            if self.supervisor:
                self.supervisor.close()
            if self._manifest:
                self._manifest.close(hurry=self._in_a_hurry(error))
            outcome.write_outcome(self, result, error)
