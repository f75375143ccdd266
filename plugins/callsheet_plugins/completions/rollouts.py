"""Rollouts of GRPO and RLOO, gathered over the batches of a step and over all ranks, in the order of their prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callsheet import LoopState
    from callsheet.records import Rollouts


def generates(state: LoopState) -> bool:
    """Whether the trainer generates by itself, and `on_rollouts` tells what."""
    return hasattr(state.args, "num_generations")


def serves(state: LoopState, step_idx: int, freq: int | None) -> bool:
    """Whether rollouts that were made for `step_idx` serve a step at which some are kept: one of every `freq` steps.

    Without `freq`, the trainer's logging steps count. One generation may serve several steps.
    """
    args: Any = state.args
    logging_steps = getattr(getattr(state.trainer, "state", None), "logging_steps", 0)
    every = freq or max(int(logging_steps or 0), 1)
    batches = int(getattr(args, "steps_per_generation", 1) or 1) * int(getattr(args, "num_iterations", 1) or 1)
    steps = max(batches // max(int(args.gradient_accumulation_steps), 1), 1)
    return (step_idx + steps - 1) // every > (step_idx - 1) // every


class Gathered:
    """The first rollouts of this rank since the last look, batch by batch."""

    def __init__(self) -> None:
        self._batches: list[list[dict[str, Any]]] = []
        self._has_any = False

    def add(self, rollouts: Rollouts, most: int | None) -> None:
        """Keep a batch, as far as it may be among the first `most`. Every rank has as many batches as the others."""
        self._has_any = True
        kept = len(rollouts.prompts) if most is None else max(most - sum(map(len, self._batches)), 0)
        self._batches.append([_row(rollouts, place) for place in range(min(kept, len(rollouts.prompts)))])

    def all_ranks(self, most: int | None) -> list[dict[str, Any]]:
        """The first `most` rollouts of all ranks, on every rank; then it begins anew. All ranks, if any had a batch."""
        if not self._has_any:
            return []
        from callsheet.distributed.collectives import all_gather

        by_rank = all_gather(self._batches)
        self._batches, self._has_any = [], False
        return [row for batches in zip(*by_rank, strict=True) for batch in batches for row in batch][:most]


def _row(rollouts: Rollouts, place: int) -> dict[str, Any]:
    return {
        "prompt": rollouts.prompts[place],
        "completion": rollouts.completions[place],
        "rewards": {name: values[place] for name, values in rollouts.rewards.items()},
        "advantage": rollouts.advantages[place],
    }
