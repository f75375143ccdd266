"""The contract: every moment of a run that a plugin can join, in the order a run meets them.

Subclass `Plugin`, give it typed fields for its settings, implement the moments you care about and mark each with
`@hookimpl`. pluggy lets a hook leave out arguments that it does not need; state them all, and type checkers verify
them. Each docstring ends with the hook's ancestor in transformers, or with "Ours".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pluggy
from typing_extensions import dataclass_transform

from callsheet.settings import check_settings, setting

if TYPE_CHECKING:
    from transformers import TrainerCallback

    from callsheet.records import (
        ArmResult,
        EvalResult,
        ExperimentResult,
        LogContext,
        LoopState,
        ManifestRow,
        PreflightReport,
        Revision,
        Rollouts,
        RunResult,
    )

PROJECT = "callsheet"
API_VERSION = "1.1"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass_transform(eq_default=False, kw_only_default=True, field_specifiers=(dataclass_field,))
@dataclass(eq=False, kw_only=True)
class Plugin:
    """One plugin: its fields are its settings, its docstring its manual, its hooks its behaviour.

    `ranks` says where hooks are called: "main" on rank 0 only (observers), "all" on every rank (whatever touches the
    model). `requires_api` is the range of `callsheet.API_VERSION` it was written for. `cannot_serve` maps a `launch=`
    or `trainer=` to the reason why the plugin cannot be used with it. Every hook returns None.
    """

    announces_revisions: ClassVar[bool] = False  # whether checkpoints come back as `on_revision`
    ranks: ClassVar[str] = "main"
    requires_api: ClassVar[str] = ">=1,<2"
    cannot_serve: ClassVar[Mapping[str, str]] = {}

    on_error: str | None = setting(
        None,
        choices=("raise", "warn", "disable"),
        help="When a hook raises: end the run, warn and go on, or warn and stop calling this plugin. "
        "Left out, plugins of the main rank warn and plugins of all ranks raise.",
    )

    def __init_subclass__(cls) -> None:
        dataclass(eq=False, kw_only=True)(cls)

    def __post_init__(self) -> None:
        check_settings(self, type(self).__name__)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to go on: small, JSON, read on rank 0 at every checkpoint.

        Tensors go into `row.folder(self)` in `on_checkpoint` instead.
        """
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` returned; called on every rank that has the plugin, before `on_train_start`."""

    def publish(self, state: LoopState, folder: Path) -> None:
        """Put the final model in `folder`, which is complete, into the outbox: `finish.push=true` asks for it.

        Asked of plugins that have this method, on their ranks, before the run waits for its outbox.
        """

    # Around the run: `ctx` comes first.

    @hookspec
    def preflight(self, ctx: LogContext, report: PreflightReport) -> None:
        """Nothing is loaded yet; say what is wrong with `report.problem(...)` or doubtful with `report.warning(...)`.

        Driver process. Must not import torch: `callsheet check` runs it in under a second. Ours.
        """

    @hookspec
    def on_experiment_start(self, ctx: LogContext) -> None:
        """An experiment begins, before any arm; loggers leave `ctx.ids["experiment_id"]` for the hooks that follow.

        Driver process, once. Ours.
        """

    @hookspec
    def on_group_start(self, ctx: LogContext, group_name: str) -> None:
        """A group of repeats or stages begins; loggers leave `ctx.ids[f"group:{group_name}"]`.

        Driver process, once per group. Ours.
        """

    @hookspec
    def on_run_start(self, ctx: LogContext) -> None:
        """A run is about to load its model; `ctx.run_config` is what Hydra composed, without secrets.

        Loggers leave `ctx.ids["run_id"]`. Run process. Ours.
        """

    # In the loop: `state` comes first.

    @hookspec
    def add_callbacks(self, state: LoopState, add: Callable[[TrainerCallback], None]) -> None:
        """The trainer is about to be built; give it callbacks of transformers with `add(callback)`.

        For events finer than the hooks below. `state.model` and `state.trainer` are still None. What is added is
        guarded and timed like the plugin's hooks. Run process, ranks of the plugin. transformers: `TrainerCallback`.
        """

    @hookspec
    def on_trainer_ready(self, state: LoopState) -> None:
        """The trainer is built and training has not begun; `state.trainer` and `state.model` are set.

        Native callbacks may be added or removed here, with `state.trainer.add_callback` and `remove_callback`. The
        weights of a checkpoint that a run goes on from are not loaded yet. Run process, ranks of the plugin. Ours.
        """

    @hookspec
    def on_train_start(self, state: LoopState) -> None:
        """The first step is next: weights, optimizer and, on a resumed run, every plugin's state are in place.

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

        `batch` holds the micro-batches of the step as the data collator made them: one, unless gradients are
        accumulated. `metrics` (loss, grad_norm, learning_rate, epoch) is lazy: reading a value from it waits for the
        device, passing it on does not. Every step, ranks of the plugin. transformers: `on_step_end`.
        """

    @hookspec
    def on_rollouts(self, state: LoopState, step_idx: int, rollouts: Rollouts) -> None:
        """GRPO or RLOO generated completions and scored them, for the step `step_idx` that is under way.

        Prompts, completions, rewards by function and advantages, as TRL has them: each rank has its own part. One
        generation may serve several steps. Called during an evaluation, too, where `rollouts.split` is "eval" and
        `step_idx` is the last step. Ranks of the plugin. Ours.
        """

    @hookspec
    def on_log(self, state: LoopState, logs: Mapping[str, float]) -> None:
        """The trainer logged `logs` at step `state.step`: training, evaluation, and the summary at the end.

        `logs` has the trainer's names, and what plugins gave to `state.log`. What every tracker needs. transformers:
        `on_log`.
        """

    @hookspec
    def on_checkpoint(self, state: LoopState, row: ManifestRow) -> None:
        """A checkpoint is complete on disk, on every rank, at `row.path`; older ones are deleted only after this hook.

        Tensors that the plugin wants back on resume go into `row.folder(self)`; the checkpoint counts as complete
        once every plugin has returned. transformers: `on_save`, which has no barrier before it.
        """

    @hookspec
    def on_eval(self, state: LoopState, step_idx: int, eval_name: str, metrics: Mapping[str, float]) -> None:
        """An evaluation inside the loop ended; `eval_name` is "eval", or the data set's name where there are several.

        `metrics` keeps the trainer's names (`eval_loss`). A plugin that reports a score of the model in the loop makes
        one, too, with the benchmark's names. transformers: `on_evaluate`.
        """

    @hookspec
    def on_train_end(self, state: LoopState, artifacts: dict[str, Path]) -> None:
        """The loop is over and the last checkpoint saved, also when a plugin or a signal stopped it early.

        A plugin that leaves a model folder behind adds it under its name, as in `artifacts["bema"] = folder`.
        Not called when training raised. transformers: `on_train_end`.
        """

    # What comes back, during the run or after it.

    @hookspec
    def on_revision(self, ctx: LogContext, revision: Revision) -> None:
        """A checkpoint is on the Hub, verified, at a fixed commit. Seen again after a crash, never missed. Ours."""

    @hookspec
    def on_benchmark_eval(
        self,
        ctx: LogContext,
        eval_result: EvalResult,
        predictions: Sequence[Mapping[str, Any]],
        step: int | None,
    ) -> None:
        """A benchmark was scored, in the loop (`step` is set) or after it.

        Run process, or whoever collects results later. Seen again after a crash, never missed. Ours.
        """

    @hookspec
    def on_run_end(self, ctx: LogContext, run_result: RunResult, arm: ArmResult) -> None:
        """A run is over: exactly once, also after a failure, Ctrl-C or SIGTERM; `run_result.status` says which.

        Run process. Ours.
        """

    @hookspec
    def on_experiment_end(self, ctx: LogContext, result: ExperimentResult) -> None:
        """Every arm is over. Driver process, once, at the very end. Ours."""


def hook_names() -> list[str]:
    """The names of all hooks, in the order a run meets them."""
    return [name for name, spec in vars(Plugin).items() if hasattr(spec, f"{PROJECT}_spec")]


def plugin_name(plugin: Plugin) -> str:
    """The name a plugin was selected by; the host sets it, since a setting may be called `name`."""
    return str(vars(plugin).get("_callsheet_name", type(plugin).__name__.lower()))
