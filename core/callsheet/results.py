"""The records that tell hooks what came of something: a publication, a score, a run, an experiment."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from callsheet.errors import did_you_mean, listed
from callsheet.values import plain

if TYPE_CHECKING:
    from callsheet.records import ManifestRow


RAW = "raw"  # the weights that train
WORST_FIRST = ("failed", "skipped", "interrupted", "stopped", "completed")


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


class LoopArtifacts(dict[str, Path]):
    """What the loop leaves behind; plugins add a model folder under its name, as in `artifacts["bema"] = folder`.

    `checkpoints` are the complete ones that are still there, oldest first. `total_requested_steps` is how many steps
    the run was to take, `train_seconds` how long this attempt trained.
    """

    run_dir: Path
    checkpoints: list[ManifestRow]
    total_requested_steps: int
    train_seconds: float

    def __init__(
        self,
        folders: Mapping[str, Path] | Iterable[tuple[str, Path]] = (),
        *,
        run_dir: Path = Path(),
        checkpoints: Sequence[ManifestRow] = (),
        total_requested_steps: int = 0,
        train_seconds: float = 0.0,
    ) -> None:
        super().__init__(folders)
        self.run_dir, self.checkpoints = run_dir, list(checkpoints)
        self.total_requested_steps, self.train_seconds = total_requested_steps, train_seconds

    @property
    def manifest_path(self) -> Path:
        """The file `checkpoints.jsonl`."""
        return self.run_dir / "checkpoints.jsonl"

    def as_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON; the folders of plugins stand under `artifacts`."""
        known = {**vars(self), "manifest_path": self.manifest_path, "artifacts": dict(self)}
        return cast("dict[str, Any]", plain(known))


@dataclass(frozen=True)
class RunResult:
    """How a run ended. `status` is completed, stopped (a plugin asked), interrupted (a signal) or failed.

    `run_id` is what a logger left in `ctx.ids["run_id"]`, or else the name of the run. `artifacts` maps a name to the
    model folder that a plugin made; it is empty where training raised. `extras` is for plugins, in memory alone.
    """

    status: str
    step: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    error: str | None = None
    run_id: str = ""
    artifacts: Mapping[str, Path] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ArmResult:
    """What came of one run of an experiment. A plain run is an experiment of one arm.

    `config` holds the overrides that make this arm, `run_config` the whole configuration of its run, without secrets.
    `method` is what the experiment's file calls an arm, and what is compared; `group` is the method where it has
    several runs, and `repeat` counts them from 0. `status` is that of the run (completed, stopped, interrupted,
    failed), or skipped where the stage before it failed; it is empty until the arm is over. `metrics` are the last
    ones of the trainer, such as `eval_loss`. `evals` are the scores of benchmarks, oldest first; of one benchmark, kind
    of weights and step, the last. `weights` says which weights are compared, where the experiment's file says it.

    An arm is also the pair that it was in 0.1, as in `for arm, run_result in result.arms`.
    """

    name: str
    group: str | None = None
    repeat: int = 0
    config: Mapping[str, Any] = field(default_factory=dict)
    result: RunResult | None = None
    run_config: Mapping[str, Any] = field(default_factory=dict)
    status: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    evals: Sequence[EvalResult] = ()
    run_id: str = ""
    error: str | None = None
    train_seconds: float | None = None
    eval_seconds: float | None = None
    group_id: str | None = None
    method: str = ""
    seed: int | None = None
    stage: str | None = None
    weights: str | None = None
    run_dir: Path | None = None

    def __post_init__(self) -> None:
        """Take from `result` what was not given."""
        of_run = {} if self.result is None else vars(self.result)
        for name in ("status", "metrics", "run_id", "error"):
            if not getattr(self, name):
                object.__setattr__(self, name, of_run.get(name) or getattr(self, name))
        object.__setattr__(self, "method", self.method or self.name)

    @property
    def run_result(self) -> RunResult | None:
        return self.result

    @property
    def group_name(self) -> str | None:
        return self.group

    @property
    def eval_metrics(self) -> dict[str, Mapping[str, float]]:
        """The metrics of each benchmark at its last step."""
        return {name: row.metrics for name, row in self._last().items()}

    @property
    def eval_breakdowns(self) -> dict[str, Mapping[str, Mapping[str, float]]]:
        """For each benchmark at its last step, the metrics of its tasks."""
        return {name: row.breakdowns for name, row in self._last().items()}

    def score(self, name: str) -> float:
        """The score `benchmark.metric`, of the last step that was scored, or the final metric `name` of the trainer.

        NaN where that is no number. Raises KeyError, which offers the nearest name, where the arm has no such score.
        """
        for place in (place for place, sign in enumerate(name) if sign == "."):
            if name[:place] in {row.name for row in self.evals}:
                metrics = self.eval(name[:place]).metrics
                if name[place + 1 :] in metrics:
                    return _real(metrics[name[place + 1 :]])
        if name in self.metrics:
            return _real(self.metrics[name])
        known = [*self.metrics, *(f"{of}.{metric}" for of, found in self.eval_metrics.items() for metric in found)]
        raise KeyError(f"{self.name} has no score {name!r}.{_instead(name, known)}")

    def eval(self, name: str, step: int | None = None) -> EvalResult:
        """The score of the benchmark `name` at `step`, or at the last step that has one.

        Where several kinds of weights were scored, it is that of `weights`, else of raw. Raises KeyError where there is
        none.
        """
        rows = [row for row in self.evals if row.name == name]
        if not rows:
            names = dict.fromkeys(row.name for row in self.evals)
            raise KeyError(f"{self.name} has no score of {name!r}.{_instead(name, names)}")
        return self._chosen(name, rows, step)

    def _chosen(self, name: str, rows: Sequence[EvalResult], step: int | None = None) -> EvalResult:
        """Of the scores of one benchmark, that of the weights that are compared, at `step` or the last one."""
        if self.weights and not any(_weights(row) == self.weights for row in rows):
            kinds = ", ".join(dict.fromkeys(map(_weights, rows)))
            raise KeyError(f"{self.name} has no score {name!r} of the weights {self.weights!r}, only of {kinds}.")
        rows = [row for row in rows if not self.weights or _weights(row) == self.weights]
        at = max(map(_place, rows)) if step is None else step
        rows = [row for row in rows if _place(row) == at]
        if not rows:
            raise KeyError(f"{self.name} has no score of {name!r} at step {step}.")
        return next((row for row in reversed(rows) if _weights(row) == RAW), rows[-1])

    def _last(self) -> dict[str, EvalResult]:
        """The last score of each benchmark; without those that `weights` leaves none of."""
        found: dict[str, list[EvalResult]] = {}
        for row in self.evals:
            if self.weights in (None, "", _weights(row)):
                found.setdefault(row.name, []).append(row)
        return {name: self._chosen(name, rows) for name, rows in found.items()}

    def __iter__(self) -> Iterator[Any]:
        return iter((self, self.result))

    def __getitem__(self, place: int) -> Any:
        return (self, self.result)[place]


@dataclass(frozen=True)
class ExperimentResult:
    """Every arm, with its result, and what the experiment showed. A plain run is an experiment of one arm.

    `status` is the worst of the arms: failed, skipped, interrupted, stopped or completed; empty without arms.
    `best_arm` is the single run with the best score, `best_score`: it flatters its method. What was shown about methods
    stands in `conclusion`, in a sentence for each, and in `verdict`, as experiment.json has it.
    """

    arms: Sequence[ArmResult]
    name: str = ""
    status: str = ""
    hypothesis: str = ""
    experiment_id: str = ""
    best_arm: ArmResult | None = None
    best_score: float | None = None
    conclusion: str = ""
    verdict: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ended = {arm.status for arm in self.arms}
        worst = next((status for status in WORST_FIRST if status in ended), "")
        object.__setattr__(self, "status", self.status or worst)


def _weights(row: EvalResult) -> str:
    return str(row.tags.get("weights") or RAW)


def _place(row: EvalResult) -> int:
    """The step of a score; one of no step lies before all others."""
    return -1 if row.step is None else row.step


def _real(value: Any) -> float:
    return math.nan if value is None else float(value)


def _instead(name: str, known: Iterable[str]) -> str:
    names = [*known]
    listing = f" It has {listed(names)}." if names else " It has none."
    return did_you_mean(name, names) or listing
