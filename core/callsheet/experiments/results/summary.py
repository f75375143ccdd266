"""Everything that is known of an experiment at one moment: its arms, their scores, and the verdict on its methods."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.disk.standing import short
from callsheet.errors import counted, first_line
from callsheet.experiments.places import LOGS
from callsheet.experiments.results import pass_rates, verdicts
from callsheet.experiments.results.arms import Known, finals, known_arms
from callsheet.experiments.results.asked import Asked, Recorded, asked, recorded
from callsheet.experiments.statistics.methods import MethodVerdict, compared
from callsheet.results import ArmResult, ExperimentResult
from callsheet.session.going_on import shell

if TYPE_CHECKING:
    from callsheet.config.experiment import ExperimentSettings

RUNNING = "running"  # the status of an experiment that a driver begins, or drives
GONE = "gone: its file in arms/ was deleted, and it counts for nothing. To have it back: {}"
COUNTED = ("completed", "stopped")  # the ends of a run whose score is compared


@dataclass(frozen=True)
class Summary:
    """What an experiment asked, its arms in their order, and the verdict; None where it names no success metric.

    `missing` says of each arm without a score why it has none, `steps` at which step another was scored. `gone` are
    arms whose files somebody has deleted. `result` is what hooks are told.
    """

    directory: Path
    asked: Asked
    arms: tuple[Known, ...]
    scores: Mapping[str, float]
    missing: Mapping[str, str]
    verdict: MethodVerdict | None
    name: str = ""
    experiment_id: str = ""
    hypothesis: str = ""
    steps: Mapping[str, int | None] = field(default_factory=dict)
    gone: Sequence[str] = ()

    @cached_property
    def result(self) -> ExperimentResult:
        best = self._best()
        return ExperimentResult(
            [arm.result for arm in self.arms],
            name=self.name,
            hypothesis=self.hypothesis,
            experiment_id=self.experiment_id,
            best_arm=best,
            best_score=self.scores[best.name] if best else None,
            conclusion=" ".join(verdicts.sentences_of(self.verdict, self.asked)),
            verdict=self.verdict_record,
        )

    @property
    def verdict_record(self) -> dict[str, Any]:
        """The verdict as `experiment.json` has it."""
        return verdicts.record_of(self.verdict, self.asked)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The arms as `experiment.json` has them."""
        gone = [{"name": name, "state": "gone", "status": None, "error": self.missing[name]} for name in self.gone]
        return [*(_row(arm, self.scores.get(arm.entry.name)) for arm in self.arms), *gone]

    @property
    def states(self) -> str:
        """How many arms are where, in a sentence; empty where there is none."""
        ended = Counter(arm.result.status or arm.state for arm in self.arms)
        said = ", ".join(f"{count} {status}" for status, count in ended.items())
        return said and f"{counted(len(self.arms), 'run')}: {said}."

    @property
    def is_decided(self) -> bool:
        """Whether more seeds would change no verdict."""
        return self.verdict is None or self.verdict.is_decided

    @property
    def best_run(self) -> str:
        """The single run with the best score, in a sentence; empty where there is none, or one alone."""
        best = self._best()
        if best is None or len(self.scores) == 1:
            return ""
        score = verdicts.number(self.scores[best.name])
        return f"The best single run is {best.name}, {score}: the best of {len(self.scores)}, which flatters."

    @property
    def elsewhere(self) -> dict[str, int | None]:
        """The arms whose score is of another step than that of most, with their steps: they may not be comparable."""
        usual = Counter(self.steps.values()).most_common(1)
        return {name: step for name, step in self.steps.items() if step != usual[0][0]}

    def _best(self) -> ArmResult | None:
        """The single run with the best score; of several, the first."""
        scored = [arm.result for arm in self.arms if arm.entry.name in self.scores]
        if not scored:
            return None
        sign = -1 if self.asked.direction == "minimize" else 1
        return max(scored, key=lambda arm: sign * self.scores[arm.name])


def of(
    directory: Path,
    settings: ExperimentSettings | Mapping[str, Any] | None = None,
    *,
    order: Sequence[str] = (),
    ids: Mapping[str, str] | None = None,
    experiment_id: str = "",
) -> Summary:
    """Read the experiment in `directory` and judge it. What is not given, `experiment.json` says.

    Arms that are not over have no score and no status. A run directory that cannot be read costs its arm's score alone.
    Raises `Malformed` and OSError where `experiment.json` or the queue cannot be read.
    """
    known = Recorded() if settings is not None and order and experiment_id else recorded(directory)
    asks = known.settings if settings is None else asked(settings)
    arms = known_arms(directory, order or [arm.name for arm in known.arms], known.ids if ids is None else ids)
    last, gone = finals(arms), _gone(directory, known, {arm.entry.name for arm in arms})
    scores, missing = _scores(last, asks)
    return Summary(
        directory,
        asks,
        tuple(arms),
        scores,
        missing | dict.fromkeys(gone, GONE.format(shell("callsheet", "experiment", "resume", short(directory)))),
        _verdict([arm for arm in last if arm.entry.trial is None], scores, asks),
        name=asks.name or known.name or directory.name,
        experiment_id=experiment_id or known.experiment_id,
        hypothesis=asks.hypothesis or known.hypothesis,
        steps=_steps(last, scores, asks),
        gone=gone,
    )


def _gone(directory: Path, known: Recorded, there: Collection[str]) -> list[str]:
    """The arms of the record without a file; while a driver is at work, those that had one, by what they left."""
    names = [arm.name for arm in known.arms if arm.name not in there]
    if known.status != RUNNING:
        return names
    return [name for name in names if any((directory / left).exists() for left in (name, f"{LOGS}/{name}.log"))]


def _scores(arms: Sequence[Known], asks: Asked) -> tuple[dict[str, float], dict[str, str]]:
    """The success metric of each arm, and why another has none."""
    scores, missing = dict[str, float](), dict[str, str]()
    for arm in (arm.result for arm in arms if arm.result.status):
        if arm.status not in COUNTED:
            missing[arm.name] = f"{arm.status}: {first_line(arm.error or 'it says not why')}"
        elif asks.success_metric is not None:
            try:
                score = _score(arm, asks.success_metric)
            except KeyError as error:
                missing[arm.name] = arm.error or str(error.args[0]).removeprefix(f"{arm.name} ")
                continue
            if math.isfinite(score):
                scores[arm.name] = score
            else:
                missing[arm.name] = f"its {asks.success_metric} is {score}"
    return scores, missing


def _score(arm: ArmResult, metric: str) -> float:
    try:
        return arm.score(metric)
    except KeyError:
        if not pass_rates.NAME.fullmatch(metric):
            raise
    return pass_rates.pass_rate(arm, metric)


def _steps(arms: Sequence[Known], scores: Mapping[str, float], asks: Asked) -> dict[str, int | None]:
    """At which step each arm that took all its steps was scored, where a benchmark decides."""
    benchmark = (asks.success_metric or "").rpartition(".")[0]
    scored = [arm.result for arm in arms if arm.entry.name in scores and arm.result.status == "completed"]
    return {arm.name: arm.eval(benchmark).step for arm in scored if benchmark in arm.eval_metrics}


def _verdict(arms: Sequence[Known], scores: Mapping[str, float], asks: Asked) -> MethodVerdict | None:
    methods = dict.fromkeys(arm.entry.method for arm in arms)
    if asks.success_metric is None or not methods:
        return None
    by_seed: dict[str, dict[int | None, float | None]] = {method: {} for method in methods}
    for arm in sorted(arms, key=lambda arm: -1 if arm.entry.seed is None else arm.entry.seed):
        by_seed[arm.entry.method][arm.entry.seed] = scores.get(arm.entry.name)
    baseline = asks.baseline or next(iter(methods))
    return compared(by_seed, baseline, direction=asks.direction, looks=asks.sequential.max_repeats)


def _row(arm: Known, score: float | None) -> dict[str, Any]:
    entry, result = arm.entry, arm.result
    return {
        "name": entry.name,
        "method": entry.method,
        "group": entry.group,
        "seed": entry.seed,
        "stage": entry.stage,
        "after": entry.after,
        "trial": entry.trial,
        "weights": entry.weights,
        "overrides": [*entry.overrides],
        "differs": entry.differs,
        "digest": entry.digest,
        "state": arm.state,
        "status": result.status or None,
        "run_dir": None if result.run_dir is None else entry.name,
        "run_id": result.run_id or None,
        "error": result.error,
        "remark": entry.remark,
        "score": score,
        "metrics": dict(result.metrics),
        "evals": result.eval_metrics,
        "train_seconds": result.train_seconds,
        "eval_seconds": result.eval_seconds,
        "worker": entry.attempts[-1].worker if entry.attempts else None,
        "attempts": [vars(attempt) for attempt in entry.attempts],
    }
