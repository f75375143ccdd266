"""Runs side by side for programs: all that `callsheet compare --json` prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from callsheet.experiments.statistics.methods import NONE, NOT_SHOWN
from callsheet.screen import cut
from callsheet_plugins.report.glance.comparing import sides
from callsheet_plugins.report.glance.comparing.pairs import Pair
from callsheet_plugins.report.glance.look import Glance
from callsheet_plugins.report.glance.settings import ABSENT, differing_runs

SHOWN = "a difference is shown"


def record(glances: Sequence[Glance], pairs: Sequence[Pair], flips: int) -> dict[str, Any]:
    """Each list has an item for each run; `of_run` and `than_run` are places in them."""
    settings = differing_runs([glance.config for glance in glances])
    return {
        "runs": [_run(glance) for glance in glances],
        "settings": {name: [None if one is ABSENT else one for one in values] for name, values in settings.items()},
        "metrics": {name: [_values(glance, name) for glance in glances] for name in sides.names(glances)},
        "scores": {label: [_score(glance, label) for glance in glances] for label in sides.labels(glances)},
        "comparisons": [_comparison(pair, flips) for pair in pairs],
    }


def said(pair: Pair) -> str:
    """Whether there is a difference; which of two scores is better is not for us to say."""
    return pair.verdict.verdict if pair.verdict.verdict in (NONE, NOT_SHOWN) else SHOWN


def _run(glance: Glance) -> dict[str, Any]:
    return {"run": glance.label, "run_dir": str(glance.path), "state": glance.state, "why": cut(glance.why)}


def _values(glance: Glance, name: str) -> dict[str, Any]:
    last, best = glance.logged.last(name), sides.best_of(glance, name)
    return {"last": vars(last) if last else None, "best": vars(best) if best else None}


def _score(glance: Glance, label: str) -> dict[str, Any] | None:
    found = glance.scores.get(label)
    return {"value": found.value, "step": found.step} if found else None


def _comparison(pair: Pair, flips: int) -> dict[str, Any]:
    about = {"score": pair.label, "of_run": pair.of, "than_run": pair.than}
    shown = [asdict(flip) for flip in pair.flips[:flips]]
    counts = {"better": pair.better, "worse": pair.worse, "first": shown}
    return {**about, **asdict(pair.verdict), "verdict": said(pair), "flips": counts}
