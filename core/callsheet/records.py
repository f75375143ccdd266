"""The records that hooks receive. New facts become new fields; hook signatures do not change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from callsheet.deprecations import renamed
from callsheet.disk.inside import Inside
from callsheet.disk.names import one_part
from callsheet.hooks import plugin_name
from callsheet.results import ArmResult as ArmResult
from callsheet.results import EvalResult as EvalResult
from callsheet.results import ExperimentResult as ExperimentResult
from callsheet.results import LoopArtifacts as LoopArtifacts
from callsheet.results import Revision as Revision
from callsheet.results import Rollouts as Rollouts
from callsheet.results import RunResult as RunResult
from callsheet.values import numbers

if TYPE_CHECKING:
    from concurrent.futures import Future

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
    """One run inside its experiment. Loggers leave their ids in `ids`, and anything else in `extras`, for later hooks.

    `ids` are kept in run.json, `extras` in memory alone. `outbox` takes work that leaves the machine, and the run's
    courier carries it out, from `on_run_start` on. Only rank 0 may put. `publishes` says whether a plugin of the run
    announces revisions. `group_name` is the group of repeats or stages that the run belongs to. `remarks` are sentences
    that end the summary of the run, by plugin. `cost()` is what each plugin cost this process so far, by name and hook:
    calls, seconds, slowest (seconds of one call) and failures.
    """

    run_dir: Path
    experiment: str = ""
    run: str = ""
    run_config: dict[str, Any] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    publishes: bool = False
    outbox: Outbox = field(default=cast("Outbox", None), repr=False, compare=False)
    group_name: str | None = None
    remarks: dict[str, str] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=dict)
    cost: Callable[[], Mapping[str, Mapping[str, Mapping[str, float]]]] = field(default=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.outbox is None:
            self.outbox = cast("Outbox", _Unopened(self.run_dir))

    @property
    def output_dir(self) -> Path:
        """The run directory."""
        return self.run_dir

    @property
    def config(self) -> dict[str, Any]:
        """The composed configuration, without secrets: the same as `run_config`."""
        return self.run_config

    @property
    def run_key(self) -> str:
        """What tells this run from the others of its experiment: its name."""
        return self.run


@dataclass
class PreflightReport:
    """What preflight found: problems stop the run, warnings do not, and notes are shown by `callsheet check` alone."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def problem(self, message: str) -> None:
        self.problems.append(message)

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def note(self, message: str) -> None:
        self.notes.append(message)


@dataclass(frozen=True)
class FileRecord:
    """One file of a checkpoint. `sha256` is None until a thread beside the training loop has hashed the file."""

    size: int
    sha256: str | None = None


@dataclass(frozen=True)
class ManifestRow:
    """One checkpoint of `checkpoints.jsonl`, with its published revisions.

    `files` is keyed by the path relative to `path`. Hooks of a new checkpoint get it empty: `checkpoints.jsonl` has it
    when all of them have returned, and `state.resumed_from` has it. What a plugin puts into `extras` in `on_checkpoint`
    is written into `checkpoints.jsonl`, too.
    """

    name: str
    step: int
    epoch: float
    path: Path
    files: Mapping[str, FileRecord] = field(default_factory=dict)
    revisions: Sequence[Revision] = ()
    extras: dict[str, Any] = field(default_factory=dict)

    @property
    def batch(self) -> int:
        """The step of the checkpoint, counted from 1."""
        return self.step

    @property
    def state_path(self) -> str:
        """The folder from which a run resumes, as text."""
        return str(self.path)

    @property
    def sampler_path(self) -> str:
        """The folder with the weights, as text: the same folder."""
        return str(self.path)

    def folder(self, plugin: Plugin) -> Path:
        """Make and return the folder of `plugin` inside this checkpoint; it is deleted with the checkpoint."""
        return Inside(self.path.parent).make(self._folder_of(plugin))

    def saved_folder(self, plugin: Plugin) -> Path | None:
        """The folder of `plugin` to read from, or None if the plugin wrote nothing into this checkpoint."""
        folder = self._folder_of(plugin)
        return folder if folder.is_dir() else None

    def _folder_of(self, plugin: Plugin) -> Path:
        return self.path / "callsheet" / one_part(plugin_name(plugin), "plugin")


def _refuse(door: str, odd: Mapping[str, str]) -> None:
    """What becomes of odd values where no host is there, as in a test of a plugin."""
    if odd:
        raise TypeError(f"{door} cannot take {', '.join(f'{name}, which is {what}' for name, what in odd.items())}")


def _at_once(task: Callable[[], None], row: ManifestRow | None = None) -> Future[None]:
    """How a task is done where no host is there, as in a test of a plugin."""
    from concurrent.futures import Future

    future: Future[None] = Future()
    try:
        task()
        future.set_result(None)
    except Exception as error:
        future.set_exception(error)
    return future


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
    refuse: Callable[[str, Mapping[str, str]], None] = field(default=_refuse, repr=False)  # by door, what is odd
    later: Callable[[Mapping[str, Callable[[], Any]]], None] | None = field(default=None, repr=False)
    beside: Callable[[Callable[[], None], ManifestRow | None], Future[None]] = field(default=_at_once, repr=False)
    show: Callable[[Sequence[Mapping[str, Any]], int], None] = field(default=lambda rows, step: None, repr=False)
    _is_stopping: bool = field(default=False, init=False, repr=False)

    @property
    def num_steps(self) -> int:
        """The number of steps that the run takes in all; 0 until training begins."""
        return self.max_steps

    @property
    def output_dir(self) -> Path:
        """The run directory."""
        return self.ctx.run_dir

    @property
    def stop_requested(self) -> bool:
        """Whether a plugin or a signal has asked for a stop. On several ranks, others may learn of it a step later."""
        return self._is_stopping

    @stop_requested.setter
    def stop_requested(self, value: bool) -> None:
        if value and not self._is_stopping:
            self.request_stop()

    def note_stop(self, is_stopping: bool = True) -> None:
        """What `stop_requested` says from now on; for the host, which asks nobody to stop by this."""
        self._is_stopping = is_stopping

    @property
    def is_main(self) -> bool:
        """Whether this process is rank 0 of the whole job."""
        return self.rank == 0

    @property
    def outbox(self) -> Outbox:
        """The outbox for work that leaves the machine, such as publishing a checkpoint; rank 0 only."""
        return self.ctx.outbox

    def request_stop(self, reason: str = "") -> None:
        """Stop training after this step and save a last checkpoint. Requests are merged over plugins and ranks."""
        self._is_stopping = True
        self.requests("stop", reason)

    def request_save(self, reason: str = "") -> None:
        """Save a checkpoint after this step."""
        self.requests("save", reason)

    def request_eval(self, reason: str = "") -> None:
        """Evaluate after this step; without evaluation data, the request is ignored with a warning.

        Where the trainer itself would not evaluate, the evaluation changes nothing: random states and modes are put
        back, no scheduler takes a step by it, and it counts for no best checkpoint.
        """
        self.requests("eval", reason)

    def log(self, values: Mapping[str, Any]) -> None:
        """Log a plugin's own numbers at this step, to `metrics.jsonl` and every tracker.

        Scalars of numpy and torch become numbers, None becomes NaN, and a dictionary one number for each of its keys,
        `name/key`. Anything else is left out and reported, as `on_error` says; the numbers beside it are logged.
        """
        from transformers import Trainer

        assert self.trainer is not None, "there is no trainer yet"
        good, odd = numbers(values)
        if good:
            due = self.trainer.control.should_log
            Trainer.log(self.trainer, good)  # TRL's `log` would also empty what it gathers for its next row
            self.trainer.control.should_log = due  # else Trainer would not log the loss of this step
        self.refuse("state.log", odd)

    def log_later(self, values: Mapping[str, Callable[[], Any]]) -> None:
        """Log numbers that are still being computed on a device, as one row with the trainer's next log.

        Each function is called then, and returns what `log` takes: a tensor, for instance, for which the loop would
        have to wait now. A checkpoint and the end of training log what waits, too. If one name comes twice, the later
        function is called. All ranks call theirs at the same moment, so a plugin with `ranks = "all"` may gather there.

        >>> state.log_later({"mine/norm": lambda: norm})
        """
        if self.later is not None:
            self.later(values)
        else:  # there is no host, as in a test of a plugin
            self.log({name: read() for name, read in values.items()})

    def write_beside(self, task: Callable[[], None], row: ManifestRow | None = None) -> Future[None]:
        """Have a thread of this rank do `task`, such as writing tensors to disk, while training goes on.

        Tasks are done one after the other. In `on_checkpoint`, pass `row`: the checkpoint is complete only when its
        tasks are done on all ranks, and until then a resumed run takes an older one. If `task` raises, `on_error` says
        what happens. `task` must not change the model, draw random numbers, or call other ranks.
        """
        return self.beside(task, row)

    def report_eval(
        self, result: EvalResult, predictions: Sequence[Mapping[str, Any]] = (), *, step: int | None = None
    ) -> None:
        """Write a score of the model in the loop to `evals.jsonl`, keep its predictions, and announce it.

        Metrics become numbers as in `log`. Calls `on_benchmark_eval` and `on_eval`. A plugin with `ranks = "all"` must
        call it on every rank.
        """
        self.announce(result, predictions, self.step if step is None else step)

    def report_completions(self, rows: Sequence[Mapping[str, Any]], step: int | None = None) -> None:
        """Write what the model in the loop said to `completions/<step>.jsonl`, and announce it as `on_completions`.

        A row has a `prompt`, text or messages, and a `completion`; and if you like `source` ("eval" if it names none),
        `index`, `rewards` and `scores` (numbers by name) and `advantage`. Rows of a source take the place of those that
        the file has of it. Texts lose secrets, and the middle of what is longer than 100,000 characters. Rank 0 writes;
        a plugin with `ranks = "all"` must call it on every rank, with the same rows.

        >>> state.report_completions([{"prompt": "2 + 2 =", "completion": " 4", "scores": {"right": 1}}])
        """
        self.show(rows, self.step if step is None else step)


if not TYPE_CHECKING:  # a type checker shall refuse the old names

    def __getattr__(name: str) -> Any:
        return renamed(__name__, name)
