"""One run from its start to its end: directory, hooks around the loop, and `on_run_end` exactly once."""

from __future__ import annotations

import contextlib
import os
import time
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from callsheet.hooks import Plugin
from callsheet.launch import failures
from callsheet.outbox.counts import counts_of
from callsheet.outbox.predictions import Predictions
from callsheet.outbox.settings import OutboxSettings
from callsheet.outbox.supervisor.announcing import Results
from callsheet.outbox.supervisor.recovery import as_listed
from callsheet.outbox.supervisor.supervisor import Supervisor
from callsheet.plugins.lineup import Lineup
from callsheet.process.signals import Interrupted, Signals
from callsheet.records import ArmResult, EvalResult, ExperimentResult, LogContext, LoopState, ManifestRow, RunResult
from callsheet.rundir import checkpoints, rundir
from callsheet.rundir.hashes import Hashes
from callsheet.rundir.rundir import RunDir, now
from callsheet.secrets import redact, redact_text
from callsheet.session.provenance import provenance


class Session:
    """A run in progress. Used as a context manager: whatever leaves the block decides how the run ended."""

    def __init__(
        self,
        ctx: LogContext,
        plugins: Mapping[str, Plugin],
        *,
        signals: Signals | None = None,
        outbox: OutboxSettings | None = None,
    ) -> None:
        rank, world_size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        self.ctx = ctx
        ctx.publishes = any(plugin.announces_revisions for plugin in plugins.values())
        self.signals = signals or Signals()
        self.run_dir = RunDir(ctx.run_dir, is_main=rank == 0)
        self.lineup = Lineup(plugins, rank=rank, world_size=world_size, log=self.run_dir.event)
        self.state = LoopState(ctx, self.lineup.request, self.announce_in_loop, rank=rank, world_size=world_size)
        self.outbox = outbox or OutboxSettings()
        self.supervisor: Supervisor | None = None
        self.arm = ArmResult(ctx.run)
        self.metrics: dict[str, float] = {}
        self.stopped_by: str | None = None
        self.result: RunResult | None = None
        self._started = 0.0
        self._hashing: ThreadPoolExecutor | None = None
        self._hashes = Hashes(self.run_dir.path)

    @property
    def is_open(self) -> bool:
        """Whether the run has started and not ended."""
        return bool(self._started) and self.result is None

    def move_to(self, folder: Path, config: dict[str, Any]) -> None:
        """Run in `folder`, for a script whose Trainer says only now where that is."""
        self.run_dir.path = self.ctx.run_dir = folder
        self._hashes = Hashes(folder)
        self.ctx.run = folder.name
        self.ctx.run_config = redact(config)
        self.arm = ArmResult(folder.name)

    def start(self) -> None:
        """Take the run directory, write down what runs, and announce the run."""
        self.run_dir.open()
        earlier = self.run_dir.run()
        self._started, self.result, self.stopped_by = time.perf_counter(), None, None
        self._hashing = ThreadPoolExecutor(1, "callsheet-hash")
        if self.run_dir.is_main:
            self._write_start(earlier)
        self.ctx.ids = {**earlier.get("ids", {}), **self.ctx.ids}
        self.run_dir.event("started", attempt=len(earlier.get("attempts", [])) + 1)
        if self.run_dir.is_main:
            self.make_supervisor().open()
        self.lineup.hooks.on_experiment_start(ctx=self.ctx)
        self.lineup.hooks.on_run_start(ctx=self.ctx)
        self.run_dir.update_run(ids=self.ctx.ids)

    def _write_start(self, earlier: Mapping[str, Any]) -> None:
        self.run_dir.write_text(rundir.CONFIG, yaml.safe_dump(self.ctx.run_config, sort_keys=False, allow_unicode=True))
        self.run_dir.write_json(
            rundir.RUN,
            {
                "run": self.ctx.run,
                "experiment": self.ctx.experiment,
                "status": "running",
                "started": earlier.get("started", now()),
                "attempts": [*earlier.get("attempts", []), {"started": now(), "pid": os.getpid()}],
                "config": self.ctx.run_config,
                "ids": {**earlier.get("ids", {}), **self.ctx.ids},
                **provenance(self.lineup),
            },
        )

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
        finally:
            self.run_dir.close()

    def finish(self, error: BaseException | None = None) -> None:
        """Announce the end of the run and write its outcome; a second call does nothing."""
        if not self.is_open:
            return
        self.signals.patient = True
        self.signals.promise = "waiting no longer for what is not published"
        self.result = self._result(error)
        if error is not None:
            trace = redact_text("".join(traceback.format_exception(type(error), error, error.__traceback__)))
            self.run_dir.event(self.result.status, error=self.result.error, traceback=trace)
        with contextlib.suppress(OSError):  # before the hooks: a process killed in one of them has ended all the same
            self.run_dir.update_run(status=self.result.status, ended=now())
        try:
            self._publish(error)
        finally:
            self._say_ended(self.result, error)

    def make_supervisor(self) -> Supervisor:
        """Take charge of the run's outbox; only for who holds the lock of the run directory."""
        results = Results(self.run_dir, self.ctx, self.lineup.hooks, self.announce)
        self.supervisor = Supervisor(self.run_dir, self.outbox, results)
        self.ctx.on_put = self.supervisor.was_put
        return self.supervisor

    def _publish(self, error: BaseException | None) -> None:
        """Wait for the courier, unless the run failed or somebody wants it gone; then only look what came back."""
        if self.supervisor:
            seconds = 0.0 if self._in_a_hurry(error) else self.outbox.deadline_seconds
            self.supervisor.wait(seconds, stop=lambda: self.signals.received is not None)

    def _in_a_hurry(self, error: BaseException | None) -> bool:
        return error is not None or self.signals.received is not None

    def _say_ended(self, result: RunResult, error: BaseException | None) -> None:
        try:
            self.lineup.hooks.on_run_end(ctx=self.ctx, run_result=result, arm=self.arm)
            self.lineup.hooks.on_experiment_end(ctx=self.ctx, result=ExperimentResult([(self.arm, result)]))
            self._publish(error)  # what those two put
        finally:
            if self.supervisor:
                self.supervisor.close()
            if self._hashing:
                hurry = self._in_a_hurry(error)
                self._hashing.shutdown(wait=not hurry, cancel_futures=hurry)
            with contextlib.suppress(OSError):
                self._write_outcome(result)

    def announce(self, result: EvalResult, predictions: Sequence[Mapping[str, Any]], step: int | None) -> None:
        """Write a score and its predictions down, then tell every plugin."""
        step = result.step if step is None else step
        self.run_dir.append(rundir.EVALS, {"time": now(), **asdict(result), "step": step}, durable=True)
        if predictions and self.run_dir.is_main:
            weights = result.tags.get("weights")
            name = "-".join(str(part) for part in (result.name, weights, step) if part is not None)
            folder = self.run_dir.path / "predictions"
            folder.mkdir(exist_ok=True)
            if isinstance(predictions, Predictions):
                predictions.keep(folder / f"{name}.jsonl")
            else:
                self.run_dir.write_text(f"predictions/{name}.jsonl", rundir.lines(predictions))
        self.lineup.hooks.on_benchmark_eval(ctx=self.ctx, eval_result=result, predictions=predictions, step=step)

    def announce_in_loop(self, result: EvalResult, predictions: Sequence[Mapping[str, Any]], step: int | None) -> None:
        """The same for a score of the model that trains, which is an evaluation of it as well."""
        self.announce(result, predictions, step)
        self.lineup.hooks.on_eval(
            state=self.state, step_idx=self.state.step, eval_name=result.name, metrics=result.metrics
        )

    def checkpointed(self, row: ManifestRow) -> None:
        """Write a complete checkpoint into the manifest, and hash its files beside the training loop."""
        if self.run_dir.is_main and self._hashing:
            row = checkpoints.with_files(row)
            entries = self.supervisor.put_lately() if self.supervisor else []
            checkpoints.record(self.run_dir, row, **as_listed(entries))
            self._hashing.submit(self._hash, row)

    def unpublished(self) -> dict[str, int]:
        """How many outbox entries are done, left and failed; empty when none was ever put."""
        return counts_of(self.run_dir.path) if self.supervisor else {}

    def _hash(self, row: ManifestRow) -> None:
        if hashed := checkpoints.with_hashes(row, self._hashes):
            checkpoints.record(self.run_dir, hashed)

    def _result(self, error: BaseException | None) -> RunResult:
        seconds = time.perf_counter() - self._started
        status, said = "completed", None
        if error is not None and (peer := failures.cause_elsewhere(error, self.state.rank)):
            status, said = "interrupted" if peer.is_signal else "failed", peer.said
        elif self._is_interruption(error):
            status, said = "interrupted", str(error or "") or "stopped by a signal"
        elif error is not None:
            status, said = "failed", redact_text(f"{type(error).__name__}: {error}")
        elif self.stopped_by:
            status = "stopped"
        return RunResult(status, self.state.step, dict(self.metrics), seconds, said)

    def _is_interruption(self, error: BaseException | None) -> bool:
        """Whether a signal ended the run; after one, a rank that went first is no failure."""
        if isinstance(error, (Interrupted, KeyboardInterrupt, SystemExit)):
            return True
        return bool(self.signals.received) and (error is None or failures.lost_peer(error))

    def _write_outcome(self, result: RunResult) -> None:
        self.run_dir.update_run(
            status=result.status,
            ended=now(),
            outcome={**asdict(result), "stopped_by": self.stopped_by},
            ids=self.ctx.ids,
            cost=self.lineup.cost(),
            **({"outbox": counts} if (counts := self.unpublished()) else {}),
        )
        self.run_dir.event("ended", status=result.status, step=result.step)
