"""The records that tell hooks what came of something: a publication, a score, a run, an experiment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from callsheet.values import plain

if TYPE_CHECKING:
    from callsheet.records import ManifestRow


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
    """The place of a run in its experiment; `config` holds the overrides that make this arm.

    `status` is that of its run, and empty until the run has ended. An arm is also the pair that it was in 0.1, as in
    `for arm, run_result in result.arms`.
    """

    name: str
    group: str | None = None
    repeat: int = 0
    config: Mapping[str, Any] = field(default_factory=dict)
    result: RunResult | None = None

    @property
    def status(self) -> str:
        return self.result.status if self.result else ""

    def __iter__(self) -> Iterator[Any]:
        return iter((self, self.result))

    def __getitem__(self, place: int) -> Any:
        return (self, self.result)[place]


@dataclass(frozen=True)
class ExperimentResult:
    """Every arm, with its result. A plain run is an experiment of one arm."""

    arms: Sequence[ArmResult]

    @property
    def status(self) -> str:
        """The worst of the arms: failed, interrupted, stopped or completed; empty without arms."""
        ended = [arm.status for arm in self.arms]
        return next((status for status in ("failed", "interrupted", "stopped", "completed") if status in ended), "")
