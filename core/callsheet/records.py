"""The records that hooks receive. New facts become new fields; hook signatures do not change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from callsheet.deprecations import renamed
from callsheet.hooks import plugin_name

if TYPE_CHECKING:
    from accelerate import Accelerator  # type: ignore[import-untyped]  # accelerate ships no types
    from torch.nn import Module
    from torch.optim import Optimizer
    from transformers import PreTrainedTokenizerBase, Trainer, TrainingArguments

    from callsheet.hooks import Plugin
    from callsheet.outbox import Outbox


class _Unopened:
    """The outbox of a context that somebody made by hand, as in a test of a plugin; it is opened when it is used.

    The module is named, not imported: `callsheet.outbox` stands above this one, and a run opens its outbox itself.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module("callsheet.outbox").Outbox(self._run_dir), name)


@dataclass
class LogContext:
    """One run inside its experiment. Loggers leave their ids in `ids` for later hooks.

    `outbox` takes work that leaves the machine, and the run's courier carries it out, from `on_run_start` on. Only rank
    0 may put. `publishes` says whether a plugin of the run announces revisions.
    """

    run_dir: Path
    experiment: str = ""
    run: str = ""
    run_config: dict[str, Any] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    publishes: bool = False
    outbox: Outbox = field(default=cast("Outbox", None), repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.outbox is None:
            self.outbox = cast("Outbox", _Unopened(self.run_dir))


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
    """One file of a checkpoint. `sha256` is None until a thread beside the training loop has hashed the file."""

    size: int
    sha256: str | None = None


@dataclass(frozen=True)
class ManifestRow:
    """One checkpoint of `checkpoints.jsonl`, with its published revisions.

    `files` is keyed by the path relative to `path`; it is empty until all plugins have returned.
    """

    name: str
    step: int
    epoch: float
    path: Path
    files: Mapping[str, FileRecord] = field(default_factory=dict)
    revisions: Sequence[Revision] = ()

    def folder(self, plugin: Plugin) -> Path:
        """Make and return the folder of `plugin` inside this checkpoint; it is deleted with the checkpoint."""
        folder = self._folder_of(plugin)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def saved_folder(self, plugin: Plugin) -> Path | None:
        """The folder of `plugin` to read from, or None if the plugin wrote nothing into this checkpoint."""
        folder = self._folder_of(plugin)
        return folder if folder.is_dir() else None

    def _folder_of(self, plugin: Plugin) -> Path:
        return self.path / "callsheet" / plugin_name(plugin)


@dataclass
class LoopState:
    """The training loop, as plugins see it. `trainer`, `model` and what comes with them are None until both exist."""

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
    evaluations: set[str] = field(default_factory=set)  # names that plugins add to the trainer's: eval_<name>_loss

    @property
    def is_main(self) -> bool:
        """Whether this process is rank 0 of the whole job."""
        return self.rank == 0

    @property
    def outbox(self) -> Outbox:
        """The outbox for work that leaves the machine, such as publishing a checkpoint; rank 0 only."""
        return self.ctx.outbox

    def request_stop(self, reason: str) -> None:
        """Stop training after this step and save a last checkpoint. Requests are merged over plugins and ranks."""
        self.requests("stop", reason)

    def request_save(self, reason: str) -> None:
        """Save a checkpoint after this step."""
        self.requests("save", reason)

    def request_eval(self, reason: str) -> None:
        """Evaluate after this step; without evaluation data, the request is ignored with a warning."""
        self.requests("eval", reason)

    def log(self, values: Mapping[str, float]) -> None:
        """Log a plugin's own values at this step, to `metrics.jsonl` and every tracker."""
        from transformers import Trainer

        assert self.trainer is not None, "there is no trainer yet"
        due = self.trainer.control.should_log
        Trainer.log(self.trainer, dict(values))  # TRL's `log` would also empty what it gathers for its next row
        self.trainer.control.should_log = due  # else Trainer would not log the loss of this step

    def report_eval(
        self, result: EvalResult, predictions: Sequence[Mapping[str, Any]] = (), *, step: int | None = None
    ) -> None:
        """Write a score of the model in the loop to `evals.jsonl`, keep its predictions, and announce it.

        Calls `on_benchmark_eval` and `on_eval`. A plugin with `ranks = "all"` must call it on every rank.
        """
        self.announce(result, predictions, self.step if step is None else step)


@dataclass(frozen=True)
class Revision:
    """A published model, at a fixed commit.

    `checkpoint` is its name in the manifest, empty for the final model. `weights` names the weights, such as raw or
    bema. `path` is the folder on this machine that holds the model, or None if only the Hub does.
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
    """What one rank generated in GRPO or RLOO, with its scores; every list has one item for each completion.

    `prompts` and `completions` are texts, or lists of messages if the data is conversational. `rewards` maps the name
    of a reward function to its scores; a score is NaN if the function gave none. `split` is "train" or "eval".
    """

    prompts: Sequence[Any]
    completions: Sequence[Any]
    rewards: Mapping[str, Sequence[float]]
    advantages: Sequence[float]
    split: str = "train"


@dataclass(frozen=True)
class EvalResult:
    """The score of one benchmark. `metrics` maps a metric to its value, `breakdowns` maps a task to its own metrics."""

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
    """Every arm with its result."""

    arms: Sequence[tuple[ArmResult, RunResult]]


if not TYPE_CHECKING:  # a type checker shall refuse the old names

    def __getattr__(name: str) -> Any:
        return renamed(__name__, name)
