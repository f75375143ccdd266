"""Which chart a metric belongs to, which of its lines it is, and how much it matters, all by its name."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

TRAIN, EVAL = "train", "eval"
FIRST = "loss"

# What trainers log beside what they optimise: shown in folds, after all others.
HOUSEKEEPING = re.compile(
    r"learning_rate|grad_norm|(sampling/.*)?num_tokens|step_time|total_flos|num_input_tokens_seen|train_loss"
    r"|.*(_runtime|_per_second|_time|flos)|runtime|epoch"
)
# The order in which charts stand; the first that matches counts.
ORDER = [
    re.compile(pattern)
    for pattern in (
        r".*loss",
        r"rewards?(/mean)?",
        r"reward_std",
        r"rewards?/(margins|accuracies)",
        r"rewards?/.*",
        r".*(accuracy|accuracies|exact_match|f1|score)",
        r"kl|.*/kl.*",
        r"entropy",
        r".*(length|clip).*",
    )
]
OPEN = len(ORDER[:2])  # kinds of charts that are open at first
HIGHER = re.compile(r".*(reward|accurac|exact_match|score|f1|margin|bleu|rouge|pass@).*", re.IGNORECASE)
PAIRED = re.compile(r"(?P<chart>.+)/(?P<which>chosen|rejected)")  # of preference trainers: two lines of one chart
FUNCTIONS = re.compile(r"rewards/(?P<which>.+)/(?P<chart>mean|std)")  # of GRPO: one line for each reward function


@dataclass(frozen=True)
class Named:
    """`chart` is what is measured, such as `loss`; `variant` is of what: `train`, `eval`, or a set's name.

    `weights` names the plugin whose averaged weights were measured, and is empty for the weights that train.
    """

    chart: str
    variant: str
    weights: str = ""

    @property
    def line(self) -> str:
        """The name of the line in its chart."""
        return f"{self.variant} (averaged by {self.weights})" if self.weights else self.variant


def named(split: str, name: str, averagers: Collection[str] = ()) -> Named:
    """Take apart `name` of a row of `split`; `averagers` are names of plugins that may evaluate averaged weights."""
    if split == TRAIN:
        return _parted(name, TRAIN, "")
    weights, of = _of(split, averagers)
    rest = name.removeprefix("eval_")
    if not weights:
        weights, rest = _of(rest, averagers) if rest not in averagers else ("", rest)
    for prefix in (f"{split}_", f"{of}_"):
        rest = rest.removeprefix(prefix)
    return _parted(rest or name, of or EVAL, weights)


def _of(text: str, averagers: Collection[str]) -> tuple[str, str]:
    """The averager that begins `text`, and the rest: bema evaluates the set `a` as `bema_a`, a single one as `bema`."""
    for averager in averagers:
        if text == averager or text.startswith(f"{averager}_"):
            return averager, text.removeprefix(averager).removeprefix("_")
    return "", text


def _parted(name: str, variant: str, weights: str) -> Named:
    if found := FUNCTIONS.fullmatch(name) or PAIRED.fullmatch(name):
        chart = f"rewards/{found['chart']}" if found.re is FUNCTIONS else found["chart"]
        return Named(chart, found["which"] if variant == TRAIN else f"{found['which']} ({variant})", weights)
    return Named(name or "(no name)", variant, weights)


def rank(chart: str, wanted: str = "") -> tuple[int, int, str]:
    """Sort key: the loss, what is `wanted`, other losses, rewards, others by name, and housekeeping at the end."""
    if chart in (FIRST, wanted):
        return (0, -2 if chart == FIRST else -1, chart)
    if HOUSEKEEPING.fullmatch(chart):
        return (2, 0, chart)
    place = next((place for place, pattern in enumerate(ORDER) if pattern.fullmatch(chart)), len(ORDER))
    return (0 if place < OPEN else 1, place, chart)


def is_housekeeping(chart: str) -> bool:
    """Whether `chart` says how the run ran rather than what it learnt."""
    return rank(chart)[0] == 2


def higher_is_better(chart: str) -> bool:
    """Which direction is the good one, as far as a name tells."""
    return bool(HIGHER.fullmatch(chart)) and "loss" not in chart
