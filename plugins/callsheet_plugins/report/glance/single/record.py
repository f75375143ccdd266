"""One run for programs: all that `callsheet status --json` prints."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from callsheet.screen import cut
from callsheet.session.status import Status
from callsheet_plugins.report.glance.look import Glance
from callsheet_plugins.report.glance.single import facts
from callsheet_plugins.report.glance.single.facts import best_of, last_of


def record(status: Status, glance: Glance) -> dict[str, Any]:
    """All about one run, for programs."""
    told = {name: cut(value) if isinstance(value, str) else value for name, value in asdict(status).items()}
    last, best = last_of(glance), best_of(glance)
    published, said = facts.published(glance), facts.completions(glance)
    return {
        **told,
        "run_dir": str(status.run_dir),
        "experiment": glance.run.get("experiment"),
        "arm": dict(glance.arm) or None,
        "metric": glance.metric or None,
        "last": vars(last) if last else None,
        "best": vars(best) if best else None,
        "scores": {label: {"step": score.step, "value": score.value} for label, score in glance.scores.items()},
        "published": vars(published) if published else None,
        "completions": vars(said) if said else None,
        "cost": facts.cost(glance),
        "size": glance.size.count,
        "size_is_whole": glance.size.is_whole,
        "started": glance.run.get("started"),
        "ended": glance.run.get("ended"),
    }
