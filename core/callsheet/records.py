"""What hooks are handed. Records grow by fields; hook signatures do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from callsheet.deprecations import renamed
from callsheet.errors import CallsheetError
from callsheet.hooks import plugin_name

if TYPE_CHECKING:
    from accelerate import Accelerator  # type: ignore[import-untyped]  # accelerate ships no types
    from torch.nn import Module
    from torch.optim import Optimizer
    from transformers import PreTrainedTokenizerBase, Trainer, TrainingArguments

    from callsheet.hooks import Plugin
    from callsheet.outbox import Outbox


class _NoOutbox:
    """Stands where the outbox of a run will be: there is none before the run begins, as in `preflight`."""

    def __getattr__(self, name: str) -> Any:
        raise CallsheetError("There is no outbox before the run begins: put entries in on_run_start, or later.")


@dataclass
class LogContext:
    """One run inside its experiment. Loggers leave their ids here for the hooks that follow.

    `outbox` takes what has to leave the machine, and the run's courier carries it out; only rank 0 may put. It is there
    from `on_run_start` on. `publishes` says whether one of the run's plugins announces revisions.
    """

    run_dir: Path
    experiment: str = ""
    run: str = ""
    run_config: dict[str, Any] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    publishes: bool = False
    outbox: Outbox = field(default=cast("Outbox", _NoOutbox()), repr=False, compare=False)


@dataclass
class PreflightReport:
    """What preflight found: problems stop the run, warnings do not."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def problem(self, message: str) -> None:
        self.problems.append(message)

    def warning(self, message: str) -> None:
        self.warnings.append(message)


@dataclass(frozen=True)
class FileRecord:
    """One file of a checkpoint. `sha256` is None until the file was hashed, which happens beside the training loop."""

    size: int
    sha256: str | None = None


@dataclass(frozen=True)
class ManifestRow:
    """One checkpoint of `checkpoints.jsonl`, and what of it was published.

    `files` is keyed by path inside `path`, and empty until all plugins returned.
    """

    name: str
    step: int
    epoch: float
    path: Path
    files: Mapping[str, FileRecord] = field(default_factory=dict)
    revisions: Sequence[Revision] = ()

    def folder(self, plugin: Plugin) -> Path:
        """The folder inside this checkpoint that belongs to `plugin`; made when asked for, rotated with the rest."""
        folder = self._folder_of(plugin)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def saved_folder(self, plugin: Plugin) -> Path | None:
        """The same folder to read from, or None where the plugin left nothing in this checkpoint; makes none."""
        folder = self._folder_of(plugin)
        return folder if folder.is_dir() else None

    def _folder_of(self, plugin: Plugin) -> Path:
        return self.path / "callsheet" / plugin_name(plugin)


@dataclass
class LoopState:
    """The training loop, as plugins see it. `trainer`, `model` and what hangs on them are None until it is built."""

    ctx: LogContext
    requests: Callable[[str, str], None]
    announce: Callable[[EvalResult, Sequence[Mapping[str, Any]], int | None], None]
    step: int = 0
    epoch: float = 0.0
    max_steps: int = 0
    rank: int = 0
    world_size: int = 1
    args: TrainingArguments | None = None
    trainer: Trainer | None = None
    model: Module | None = None
    tokenizer: PreTrainedTokenizerBase | None = None
    accelerator: Accelerator | None = None
    optimizer: Optimizer | None = None
    resumed_from: ManifestRow | None = None
    evaluations: set[str] = field(default_factory=set)  # that plugins add to the trainer's, as in eval_<name>_loss

    @property
    def is_main(self) -> bool:
        """Whether this process is rank 0 of the whole job."""
        return self.rank == 0

    @property
    def outbox(self) -> Outbox:
        """Where a hook puts what has to leave the machine, such as a checkpoint to be published; rank 0 only."""
        return self.ctx.outbox

    def request_stop(self, reason: str) -> None:
        """Ask for training to stop after this step; a last checkpoint is saved. Merged over plugins and ranks."""
        self.requests("stop", reason)

    def request_save(self, reason: str) -> None:
        """Ask for a checkpoint after this step."""
        self.requests("save", reason)

    def request_eval(self, reason: str) -> None:
        """Ask for an evaluation after this step; ignored, with a warning, where there is no evaluation data."""
        self.requests("eval", reason)

    def log(self, values: Mapping[str, float]) -> None:
        """Log values of a plugin's own at this step, beside the trainer's, to `metrics.jsonl` and every tracker."""
        from transformers import Trainer

        assert self.trainer is not None, "there is no trainer yet"
        due = self.trainer.control.should_log
        Trainer.log(self.trainer, dict(values))  # TRL's own would also empty what it gathers for its next row
        self.trainer.control.should_log = due  # or this row would stand in for the loss of the step

    def report_eval(
        self, result: EvalResult, predictions: Sequence[Mapping[str, Any]] = (), *, step: int | None = None
    ) -> None:
        """Write a score of the model in the loop to `evals.jsonl`, its predictions beside it, and announce it.

        That is `on_benchmark_eval` and `on_eval`; on every rank, where the plugin is called on every rank.
        """
        self.announce(result, predictions, self.step if step is None else step)


@dataclass(frozen=True)
class Revision:
    """A model as it was published, at a commit that does not move.

    `checkpoint` is its name in the manifest, empty for the final model; `weights` says which, as in raw or bema. `path`
    is the folder on this machine that holds it, None for what is on the Hub alone.
    """

    repo: str
    branch: str
    commit: str
    step: int
    checkpoint: str = ""
    weights: str = "raw"
    url: str = ""
    path: Path | None = None


@dataclass(frozen=True)
class Rollouts:
    """What one rank generated in GRPO or RLOO, and what it was worth: every list has one item for each completion.

    `prompts` and `completions` are texts, or lists of messages where the data is conversational. `rewards` maps the
    name of a reward function to its scores, NaN where it gave none. `split` is "train" or "eval".
    """

    prompts: Sequence[Any]
    completions: Sequence[Any]
    rewards: Mapping[str, Sequence[float]]
    advantages: Sequence[float]
    split: str = "train"


@dataclass(frozen=True)
class EvalResult:
    """One score. `metrics` maps a metric to its value, `breakdowns` a task to its own metrics."""

    name: str
    metrics: Mapping[str, float]
    benchmark_id: str = ""
    breakdowns: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    step: int | None = None
    commit: str | None = None
    eval_seconds: float | None = None


@dataclass(frozen=True)
class RunResult:
    """How a run ended. `status` is completed, stopped (a plugin asked), interrupted (a signal) or failed."""

    status: str
    step: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    error: str | None = None


@dataclass(frozen=True)
class ArmResult:
    """The place of a run in its experiment; `config` holds the overrides that make this arm."""

    name: str
    group: str | None = None
    repeat: int = 0
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ExperimentResult:
    """Every arm with how it ended."""

    arms: Sequence[tuple[ArmResult, RunResult]]


if not TYPE_CHECKING:  # type checkers know no old names

    def __getattr__(name: str) -> Any:
        return renamed(__name__, name)
