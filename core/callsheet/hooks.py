"""The contract: every moment of a run that a plugin can join, in the order a run meets them.

Subclass `Plugin`, declare settings as typed fields, implement the hooks you need and mark each with `@hookimpl`. A
hook may leave out arguments that it does not use, because pluggy passes only the named ones; a type checker verifies
the signature only if all are stated. Each docstring ends with the hook's ancestor in transformers, or with "Ours".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pluggy
from typing_extensions import dataclass_transform

from callsheet.settings import check_settings, refuse_fields, setting

if TYPE_CHECKING:
    from transformers import TrainerCallback

    from callsheet.records import (
        ArmResult,
        EvalResult,
        ExperimentResult,
        LogContext,
        LoopArtifacts,
        LoopState,
        ManifestRow,
        PreflightReport,
        Revision,
        Rollouts,
        RunResult,
    )

PROJECT = "callsheet"
API_VERSION = "1.5"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass_transform(eq_default=False, kw_only_default=True, field_specifiers=(dataclass_field,))
@dataclass(eq=False, kw_only=True)
class Plugin:
    """One plugin: its fields are its settings, its docstring its manual, its hooks its behaviour.

    `ranks` says where hooks are called: "main" on rank 0 only (for observers), "all" on every rank (for plugins that
    touch the model). `requires_api` is the range of `callsheet.API_VERSION` that the plugin supports. `cannot_serve`
    maps a value of `launch=` or `trainer=` to the reason why the plugin does not work with it. Every hook returns None.
    """

    announces_revisions: ClassVar[bool] = False  # whether checkpoints come back as `on_revision`
    ranks: ClassVar[str] = "main"
    requires_api: ClassVar[str] = ">=1,<2"
    cannot_serve: ClassVar[Mapping[str, str]] = {}
    _callsheet_init: ClassVar[Callable[..., None] | None] = None  # what the class itself defines as __init__

    on_error: str | None = setting(
        None,
        choices=("raise", "warn", "disable"),
        help="When a hook raises: end the run, warn and continue, or warn and stop calling this plugin. "
        "By default, plugins of the main rank warn and plugins of all ranks raise.",
    )

    def __init_subclass__(cls) -> None:
        cls._callsheet_init = vars(cls).get("__init__")  # before `dataclass` makes one
        refuse_fields(cls)
        dataclass(eq=False, kw_only=True)(cls)

    def __post_init__(self) -> None:
        check_settings(self, type(self).__name__)

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs, as small JSON; called on rank 0 at every checkpoint.

        Write tensors to `row.folder(self)` in `on_checkpoint` instead.
        """
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; called on every rank of the plugin, before `on_train_start`."""

    def reports(self) -> Sequence[str] | Mapping[str, Sequence[str]] | None:
        """Return the names of the benchmarks that this plugin will report in every run; None if that is not known.

        Called in the driver, before anything is loaded: an experiment whose success metric no plugin reports is
        refused. A plugin that reports none returns an empty list; one that knows its metrics, too, a mapping from each
        benchmark to them.
        """
        return None

    def publish(self, state: LoopState, folder: Path) -> None:
        """Put the final model into the outbox; `folder` holds it, complete.

        `finish.push=true` calls this method of every plugin that overrides it, on the plugin's ranks, before the run
        waits for its outbox.
        """

    # Around the run: `ctx` comes first.

    @hookspec
    def preflight(self, ctx: LogContext, report: PreflightReport) -> None:
        """Nothing is loaded yet; report errors with `report.problem(...)` and doubts with `report.warning(...)`.

        Driver process. Must not import torch: `callsheet check` is to end in a second or two. Ours.
        """

    @hookspec
    def on_experiment_start(self, ctx: LogContext) -> None:
        """An experiment begins, before any arm; what loggers set in `ctx.ids` is in the `ids` of every run.

        `ctx.ids["experiment_id"]` is the host's id of an experiment with several arms; a logger may put its own there.
        `ctx.run_dir` is then the directory of the experiment. Driver process, once; a driver that was killed in it
        calls it again. Ours.
        """

    @hookspec
    def on_group_start(self, ctx: LogContext, group_name: str) -> None:
        """A group of repeats or stages begins; loggers set `ctx.ids[f"group:{group_name}"]`.

        Driver process, once per group, before any run of it; never in a plain run. Ours.
        """

    @hookspec
    def on_run_start(self, ctx: LogContext) -> None:
        """The run will load its model next; `ctx.run_config` is the composed configuration, without secrets.

        Loggers set `ctx.ids["run_id"]`. Run process. Ours.
        """

    # In the loop: `state` comes first.

    @hookspec
    def add_callbacks(self, state: LoopState, add: Callable[[TrainerCallback], None]) -> None:
        """The trainer will be built next; add native callbacks of transformers with `add(callback)`.

        Use it for events that have no hook. `state.model` and `state.trainer` are still None. Added callbacks are
        guarded and timed like the plugin's hooks. Run process, ranks of the plugin. transformers: `TrainerCallback`.
        """

    @hookspec
    def on_trainer_ready(self, state: LoopState) -> None:
        """The trainer is built and training has not begun; `state.trainer` and `state.model` are set.

        A plugin may add or remove native callbacks here, with `state.trainer.add_callback` and `remove_callback`. A
        resumed run has not loaded the weights of its checkpoint yet. Run process, ranks of the plugin. Ours.
        """

    @hookspec
    def on_train_start(self, state: LoopState) -> None:
        """The first step is next; weights and optimizer are ready, and a resumed run has restored every plugin's state.

        `state.resumed_from` names the checkpoint of a resumed run. transformers: `on_train_begin`.
        """

    @hookspec
    def on_step_end(
        self,
        state: LoopState,
        step_idx: int,
        batch: Sequence[Mapping[str, Any]],
        metrics: Mapping[str, float],
    ) -> None:
        """The optimizer has taken step `step_idx`, counted from 1.

        `batch` holds the micro-batches of the step, as the data collator made them; there is one, unless gradients are
        accumulated. `metrics` (loss, grad_norm, learning_rate, epoch) is lazy: only reading a value waits for the
        device. Every step, ranks of the plugin. transformers: `on_step_end`.
        """

    @hookspec
    def on_rollouts(self, state: LoopState, step_idx: int, rollouts: Rollouts) -> None:
        """GRPO or RLOO generated and scored completions, for step `step_idx`, which is not finished.

        `rollouts` holds the prompts, completions, rewards and advantages of this rank, as TRL has them. One generation
        may serve several steps. The hook is also called during an evaluation; then `rollouts.split` is "eval" and
        `step_idx` is the last finished step. Ranks of the plugin. Ours.
        """

    @hookspec
    def on_log(self, state: LoopState, logs: Mapping[str, float]) -> None:
        """The trainer logged `logs` at step `state.step`: training, evaluation, and the summary at the end.

        `logs` has the trainer's names, and the values that plugins passed to `state.log`. transformers: `on_log`.
        """

    @hookspec
    def on_checkpoint(self, state: LoopState, row: ManifestRow) -> None:
        """The trainer has written a checkpoint to `row.path`, on every rank; old ones are deleted after this hook.

        Write tensors that a resumed run needs to `row.folder(self)`, large ones with `state.write_beside`. The
        checkpoint counts as complete once every plugin has returned and every such task is done. transformers:
        `on_save`, which has no barrier before it.
        """

    @hookspec
    def on_checkpoint_complete(self, ctx: LogContext, row: ManifestRow) -> None:
        """All that belongs to the checkpoint is on disk; publish or copy it here.

        Called at its save, or some steps later if a plugin writes beside training, and before the loop ends. Main rank
        only, whatever `ranks` says. Ours.
        """

    @hookspec
    def on_eval(self, state: LoopState, step_idx: int, eval_name: str, metrics: Mapping[str, float]) -> None:
        """An evaluation inside the loop ended; `eval_name` is "eval", or the data set's name if there are several.

        `metrics` keeps the trainer's names (`eval_loss`). `state.report_eval` calls this hook too, with the names of
        the benchmark. transformers: `on_evaluate`.
        """

    @hookspec
    def on_train_end(self, state: LoopState, artifacts: LoopArtifacts) -> None:
        """The loop is over and the last checkpoint is saved, also when a plugin or a signal stopped training early.

        A plugin that made a model folder adds it under its own name, as in `artifacts["bema"] = folder`. Not called
        when training raised. transformers: `on_train_end`.
        """

    # Results that come back, during the run or after it.

    @hookspec
    def on_revision(self, ctx: LogContext, revision: Revision) -> None:
        """A checkpoint is published, verified, at a fixed commit. Perhaps twice after a crash, never missed. Ours."""

    @hookspec
    def on_benchmark_eval(
        self,
        ctx: LogContext,
        eval_result: EvalResult,
        predictions: Sequence[Mapping[str, Any]],
        *,
        step: int | None,
    ) -> None:
        """A benchmark was scored, in the loop or by a job; `step` is the step of the scored weights, if known.

        Run process, or the process that collects results later. Perhaps twice after a crash, never missed. Ours.
        """

    @hookspec
    def on_completions(self, ctx: LogContext, rows: Sequence[Mapping[str, Any]], step: int) -> None:
        """Completions of the model in the loop stand in `completions/<step>.jsonl`; docs/rundir.md has their fields.

        A step may be announced several times: for each source of its rows, and again after a resume. Run process, ranks
        of the plugin that is called. TRL: `LogCompletionsCallback` logs to trackers itself.
        """

    @hookspec
    def on_run_end(self, ctx: LogContext, run_result: RunResult, arm: ArmResult) -> None:
        """The run is over, also by a failure, Ctrl-C or SIGTERM; `run_result.status` says which. Called exactly once.

        Run process. Ours.
        """

    @hookspec
    def on_experiment_end(self, ctx: LogContext, result: ExperimentResult) -> None:
        """Every arm is over. Driver process, once, at the very end; not when a signal stopped the experiment. Ours."""

    @hookspec
    def on_run_closed(self, ctx: LogContext, run_result: RunResult) -> None:
        """The run directory is complete: `run.json` has the outcome and all costs, and nobody holds its lock.

        Make here what is made of a run directory, such as a report or a copy. Nothing may be put into `ctx.outbox` any
        more; a sentence in `ctx.remarks` still is in the summary, at its end. Be quick after a signal: whoever sent it
        kills in the end. Not called where another signal cut that end short. Run process, main rank only, whatever
        `ranks` says. Ours.
        """


def hook_names() -> list[str]:
    """The names of all hooks, in the order a run meets them."""
    return [name for name, spec in vars(Plugin).items() if hasattr(spec, f"{PROJECT}_spec")]


def plugin_name(plugin: Plugin) -> str:
    """The name by which a run selected `plugin`; the host stores it apart, because a setting may be called `name`."""
    return str(vars(plugin).get("_callsheet_name", type(plugin).__name__.lower()))
