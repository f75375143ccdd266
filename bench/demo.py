"""A trainer of the demo, as the benches time it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from callsheet import data
from callsheet.config.compose import compose
from callsheet.config.plan import Plan, make_plan
from callsheet.trainer import build


def made(overrides: Sequence[str]) -> tuple[Plan, Any, Any]:
    """The plan of a run, and of its trainer the arguments and the material, without an evaluation set."""
    plan = make_plan(compose(overrides), overrides)
    args = build.make_args(plan)
    return plan, args, build.prepare(plan, args, data.load(plan.dataset)[0], None)


def seconds_a_step(trainer: Any, steps: int) -> float:
    """Train, and return processor seconds a step: with one thread, a busy machine disturbs them least."""
    start = time.process_time()
    trainer.train()
    return (time.process_time() - start) / steps
