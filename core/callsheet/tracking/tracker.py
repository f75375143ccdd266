"""The base of every tracker plugin: what it does in the run is to put entries into the outbox."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from callsheet.hooks import Plugin, hookimpl, plugin_name
from callsheet.plugins.registry import installed
from callsheet.rundir.liveness import holder_of
from callsheet.rundir.rundir import TRAINING, RunDir
from callsheet.secrets import redact
from callsheet.settings import setting
from callsheet.tracking.cursor import ids_of
from callsheet.tracking.names import Names
from callsheet.values import names_of, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callsheet.records import (
        ArmResult,
        EvalResult,
        LogContext,
        LoopState,
        PreflightReport,
        Revision,
        RunResult,
    )
    from callsheet.tracking.records import TrackedRun
    from callsheet.tracking.sink import Sink

KIND = "tracker"  # of its entries
RUN_ID = re.compile(r"[a-z0-9][a-z0-9-]{7,39}")
READABLE = 24  # signs of the run's name in its id


class Tracker(Plugin):
    """A tracker: it shows the numbers of a run elsewhere, and follows the run directory from a process of its own.

    `modules` are the packages that it imports, `extra` the extra of its distribution that installs them, `names` which
    names it takes. `reports_to` is its name in `trainer.args.report_to`, by which transformers logs to the same one.
    """

    modules: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str] = ""
    names: ClassVar[Names] = Names()
    reports_to: ClassVar[str] = ""

    deadline_seconds: float = setting(
        60.0, ge=0, help="How long the end of a run waits for a tracker that does not answer; the rest is kept."
    )
    max_rows: int = setting(100, ge=0, help="How many rows of a table of predictions or completions are sent.")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._entry = ""  # the last that was put

    def open(self, run: TrackedRun) -> Sink:
        """Begin `run` at the tracker, or go on with it; the only method that an author must write.

        Called in a process of its own, where the tracker's package may be imported. Whatever it raises is said in the
        courier's log, and tried again later; after a `CallsheetError`, only when a user asks for it.
        """
        raise NotImplementedError

    def problems(self, ctx: LogContext) -> Iterable[str]:
        """Sentences about what would keep it from logging, such as missing credentials; `callsheet check` shows them.

        Called in the driver. The package is there, and must not be imported.
        """
        return ()

    def doubts(self, ctx: LogContext) -> Iterable[str]:
        """Sentences about what may be well when the run begins, such as a server that does not answer now."""
        return ()

    def reports(self) -> list[str]:
        return []

    @hookimpl
    def preflight(self, ctx: LogContext, report: PreflightReport) -> None:
        name, found = plugin_name(self), list(self._missing())
        problems = found or [*self._secrets(name), *self.problems(ctx)]
        for problem in problems:
            report.problem(problem)
        for doubt in () if problems else self.doubts(ctx):
            report.warning(doubt)
        if not found and self.reports_to and {self.reports_to, "all"} & {*_reported(ctx)}:
            report.warning(
                f"trainer.args.report_to={self.reports_to} would log the same twice: the plugin {name} logs it, "
                f"and report_to is ignored for {self.reports_to}."
            )

    @hookimpl
    def on_run_start(self, ctx: LogContext) -> None:
        attempts = RunDir(ctx.run_dir, is_main=False).run().get("attempts", ())
        ctx.ids.setdefault("run_id", _made_id(ctx))
        self._put(ctx, str(len(attempts) or 1))

    @hookimpl
    def on_trainer_ready(self, state: LoopState) -> None:
        """Remove the callback of transformers that logs the same."""
        from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

        theirs = INTEGRATION_TO_CALLBACK.get(self.reports_to)
        trainer: Any = state.trainer
        callbacks = getattr(getattr(trainer, "callback_handler", None), "callbacks", ())
        for callback in [each for each in callbacks if type(each) is theirs]:  # and no subclass that a user has made
            trainer.remove_callback(callback)

    @hookimpl
    def on_revision(self, ctx: LogContext, revision: Revision) -> None:
        self._came_late(ctx)

    @hookimpl
    def on_benchmark_eval(
        self, ctx: LogContext, eval_result: EvalResult, predictions: Sequence[Mapping[str, Any]], *, step: int | None
    ) -> None:
        self._came_late(ctx)

    @hookimpl
    def on_run_end(self, ctx: LogContext, run_result: RunResult, arm: ArmResult) -> None:
        """Keep what the tracker calls the run, where others look for it."""
        name = plugin_name(self)
        ctx.ids |= {f"{name}:{what}": value for what, value in ids_of(ctx.run_dir).get(name, {}).items()}

    def _came_late(self, ctx: LogContext) -> None:
        """Have it sent, if the run is over: its follower may have ended. One that has not begun will see it."""
        holder = holder_of(ctx.run_dir)
        if holder is None or holder.doing == TRAINING:
            return
        if not (self._entry and ctx.outbox.store.state_of(self._entry) == "pending"):
            self._put(ctx, f"late-{uuid.uuid4().hex[:12]}")

    def _put(self, ctx: LogContext, key: str) -> None:
        name = plugin_name(self)
        settings = plain({field.name: getattr(self, field.name) for field in fields(self)})
        payload = {
            "tracker": name,
            "settings": settings,
            "run_id": _fit_id(ctx),
            "deadline_seconds": self.deadline_seconds,
        }
        self._entry = ctx.outbox.put(KIND, payload, key=f"{name}-{key}")

    def _missing(self) -> Iterator[str]:
        name = plugin_name(self)
        if missing := [module for module in self.modules if find_spec(module.partition(".")[0]) is None]:
            distribution = found.distribution if (found := installed().get(name)) else "callsheet"
            what = f"pip install '{distribution}[{self.extra}]'" if self.extra else f"pip install {' '.join(missing)}"
            yield f"Plugin {name!r} needs the package {' and '.join(missing)}: {what}."
        if name not in installed():
            yield (
                f"The tracker {name!r} is not installed as a plugin, so no process of its own can find it: "
                "name it in the entry-point group callsheet.plugins, and install again."
            )

    def _secrets(self, name: str) -> Iterator[str]:
        """A setting goes into files: a secret in it would be blanked there, and the tracker would get the blanks."""
        settings = plain({field.name: getattr(self, field.name) for field in fields(self)})
        for setting_name, value in settings.items():
            if value and redact({setting_name: value}) != {setting_name: value}:
                yield (
                    f"plugins.{name}.{setting_name} holds a secret, which would be written into files. "
                    "Trackers find credentials in the environment, or in the file of their own login."
                )


def _reported(ctx: LogContext) -> list[str]:
    args = (ctx.run_config.get("trainer") or {}).get("args") or {}
    return names_of(args.get("report_to"))


def _made_id(ctx: LogContext) -> str:
    """An id that no other run has, and that says which one it is."""
    readable = re.sub(r"[^a-z0-9]+", "-", ctx.run.lower()).strip("-")[:READABLE].strip("-")
    return f"{readable}-{uuid.uuid4().hex[:10]}".lstrip("-")


def _fit_id(ctx: LogContext) -> str:
    """The run's id, or another for one that no tracker would take."""
    known = str(ctx.ids.get("run_id", ""))
    return known if RUN_ID.fullmatch(known) else _made_id(ctx)
