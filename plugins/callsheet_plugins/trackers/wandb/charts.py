"""Which charts a project is looked at with first: those whose metrics its trainer and its plugins log."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

STEP = "train/global_step"  # of metrics, as transformers calls it
SCORED = "bench/step"  # of scores, those of all benchmarks and weights
SCORERS = ("benchmarks", "exact_match")  # plugins
MOST_BENCHMARKS = 12  # with a chart of their own
OFF = ("no", "none", "false")


@dataclass(frozen=True)
class Chart:
    """Lines over `x`: the metrics `y`, or all that `pattern` matches, which W&B's server looks for."""

    title: str
    y: tuple[str, ...] = ()
    pattern: str | None = None
    x: str = STEP


@dataclass(frozen=True)
class Charts:
    """Charts under one heading."""

    name: str
    charts: tuple[Chart, ...]


def sections(config: Mapping[str, Any], fit: Callable[[str], str]) -> list[Charts]:
    """What people look at first, in this order. `fit` makes a name one that W&B takes."""
    named = _Named(config)
    found = {
        "Reward": _reward(named),
        "Preferences": _preferences(named),
        "Scores": _scores(named, fit),
        "Training": _training(named),
    }
    made = {name: [_fitted(chart, fit) for chart in charts] for name, charts in found.items()}
    return [Charts(name, tuple(charts)) for name, charts in made.items() if charts]


class _Named:
    """What the configuration says of the names of metrics."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        trainer = config.get("trainer") or {}
        self.trainer = f"{trainer.get('name')} {trainer.get('trainer_class')}".lower()
        self.args: Mapping[str, Any] = trainer.get("args") or {}
        self.plugins: Mapping[str, Any] = config.get("plugins") or {}
        sets = (config.get("dataset") or {}).get("eval")
        self._sets = [f"eval/{name}" for name in sets] if isinstance(sets, Mapping) and sets else ["eval"]
        if str(self.args.get("eval_strategy", OFF[0])).lower() in OFF:
            self._sets = []

    def trains(self, *names: str) -> bool:
        return any(name in self.trainer for name in names)

    def both(self, name: str) -> tuple[str, ...]:
        """A metric in training and, if the run evaluates, in each evaluation set."""
        return tuple(f"{split}/{name}" for split in ("train", *self._sets))


def _training(named: _Named) -> Iterator[Chart]:
    yield Chart("Loss", named.both("loss"))
    if named.trains("sft"):
        yield Chart("Token accuracy", named.both("mean_token_accuracy"))
    yield Chart("Learning rate", ("train/learning_rate",))
    yield Chart("Gradient norm", ("train/grad_norm",))


def _reward(named: _Named) -> Iterator[Chart]:
    if not named.trains("grpo", "rloo"):
        return
    yield Chart("Reward", named.both("reward"))
    yield Chart("Reward by function", pattern=r"^train/rewards/.+/mean$")
    if named.args.get("beta", 0.05 if named.trains("rloo") else 0.0):  # without it, TRL measures no KL
        yield Chart("KL", ("train/kl",))
    yield Chart("Completion length", named.both("completions/mean_length"))
    yield Chart("Completions cut off", ("train/completions/clipped_ratio",))
    yield Chart("Entropy", ("train/entropy",))


def _preferences(named: _Named) -> Iterator[Chart]:
    if named.trains("dpo", "kto"):
        yield Chart("Margin of rewards", named.both("rewards/margins"))
        yield Chart("Rewards", ("train/rewards/chosen", "train/rewards/rejected"))
    if named.trains("dpo"):
        yield Chart("Accuracy of rewards", named.both("rewards/accuracies"))
    if named.trains("kto"):
        yield Chart("KL", ("train/kl",))
    if named.trains("rewardtrainer"):
        yield Chart("Margin", named.both("margin"))
        yield Chart("Accuracy", named.both("accuracy"))


def _scores(named: _Named, fit: Callable[[str], str]) -> Iterator[Chart]:
    """Each benchmark's, raw and averaged in one chart, and all of them in one."""
    if not any(scorer in named.plugins for scorer in SCORERS):
        return
    yield Chart("Scores of checkpoints", pattern=f"^bench/.+/{_other_than('step')}$", x=SCORED)
    chosen = [str(name) for name in (named.plugins.get("benchmarks") or {}).get("benchmarks") or () if name != "all"]
    for name in chosen[:MOST_BENCHMARKS] if len(chosen) > 1 else ():
        start = _literally(fit(f"bench/{name}"))
        yield Chart(name, pattern=f"^{start}/(.+/)?{_other_than('step')}$", x=SCORED)


def _fitted(chart: Chart, fit: Callable[[str], str]) -> Chart:
    return Chart(chart.title, tuple(map(fit, chart.y)), chart.pattern, chart.x)


def _other_than(word: str) -> str:
    """A pattern of any part of a name but `word`: W&B's server knows no lookahead."""
    shorter = [f"{word[:end]}([^/{word[end]}][^/]*)?" for end in range(1, len(word))]
    return f"({'|'.join([f'[^/{word[0]}][^/]*', *shorter, f'{word}[^/]+'])})"


def _literally(text: str) -> str:
    return re.sub(r"[.+*?()|\[\]{}^$\\]", r"\\\g<0>", text)
