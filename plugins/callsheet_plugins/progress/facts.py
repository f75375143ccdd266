"""What the board of a run begins with, and what it asks for again and again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from callsheet.outbox.counts import by_kind
from callsheet.rundir.rundir import EVALS, RunDir
from callsheet_plugins.progress.board import Board
from callsheet_plugins.progress.mfu import flops_and_peak
from callsheet_plugins.progress.pace import Pace, Tokens

if TYPE_CHECKING:
    from callsheet.records import LogContext, LoopState, Rollouts

LOOK_SECONDS = 2.0  # between two looks at the outbox and at what plugins cost


def board_of(state: LoopState) -> Board:
    """An empty board; a resumed run knows its earlier scores."""
    board = Board(
        Pace(state.step, state.max_steps),
        Tokens(state.world_size),
        step=state.step,
        epoch=state.epoch,
        resumed_at=state.step if state.resumed_from else None,
        learns_by_rewards=hasattr(state.trainer, "reward_funcs"),
        utilization=flops_and_peak(state) if state.trainer else None,
        outbox=_seldom(partial(by_kind, state.ctx.run_dir)),
        cost=_seldom(partial(_seconds, state.ctx)),
    )
    for row in RunDir(state.ctx.run_dir, is_main=False).rows(EVALS) if state.resumed_from else ():
        board.scored(benchmark(row.get("name"), row.get("tags") or {}), row.get("metrics") or {}, row.get("step"))
    return board


def _seconds(ctx: LogContext) -> dict[str, float]:
    """What each plugin cost so far."""
    return {name: sum(each["seconds"] for each in hooks.values()) for name, hooks in ctx.cost().items()}


def benchmark(name: object, tags: Mapping[str, str]) -> str:
    weights = tags.get("weights") or "raw"
    return str(name) if weights == "raw" else f"{name} ({weights})"


def _seldom(look: Callable[[], Any]) -> Callable[[], Any]:
    """`look`, which is asked every two seconds, and whose last answer stands until then, and where it fails."""
    known: dict[str, Any] = {"at": -LOOK_SECONDS, "found": {}}

    def found() -> Any:
        if time.monotonic() - known["at"] >= LOOK_SECONDS:
            known["at"] = time.monotonic()
            try:
                known["found"] = look()
            except Exception:  # a folder that is not there, or a dictionary that grew meanwhile
                return known["found"]
        return known["found"]

    return found


def sets_of(state: LoopState) -> list[str]:
    """The names of the evaluation sets, in the order in which the Trainer takes them."""
    rows = getattr(state.trainer, "eval_dataset", None)
    return [*map(str, rows)] if isinstance(rows, dict) else ["eval"]


def length_of(loader: Any) -> int | None:
    try:
        return len(loader)
    except Exception:  # a stream
        return None


def mean_reward(rollouts: Rollouts, weights: Sequence[float] | None) -> float:
    """The reward of a completion as TRL adds it up, over all completions: a function may give none, which is NaN."""
    scores: Iterable[Sequence[float]] = [*rollouts.rewards.values()]
    weighted = zip(scores, weights or [1.0] * len(rollouts.rewards), strict=True)
    total = sum(weight * score for row, weight in weighted for score in row if not math.isnan(score))
    return total / max(len(rollouts.completions), 1)
