"""What GRPO and RLOO generated, put together from the two moments at which TRL knows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from callsheet.records import Rollouts


class RolloutRecorder:
    """Hands on each batch of rollouts as it is scored, each rank its own part; does nothing unless somebody listens.

    TRL gathers the rewards of all ranks before it normalizes them, and cuts its own part of the advantages out again.
    """

    def __init__(self, active: bool, announce: Callable[[Rollouts], None]) -> None:
        self.active = active
        self._announce = announce
        self._scored: tuple[Sequence[Any], Sequence[Any], Any] | None = None

    def scored(self, prompts: Sequence[Any], completions: Sequence[Any], rewards: Any) -> None:
        """`rewards` has a row for each rollout of every rank, rank 0 first, and a column for each reward function."""
        self._scored = (prompts, completions, rewards) if self.active else None

    def generated(self, trainer: Any, output: Any) -> None:
        """The rollouts of one batch are complete; `output["advantages"]` are those of this rank."""
        if self._scored is None:
            return
        (prompts, completions, rewards), self._scored = self._scored, None
        first = trainer.accelerator.process_index * len(prompts)
        mine = rewards[first : first + len(prompts)]
        names = trainer.reward_func_names
        self._announce(
            Rollouts(
                prompts=[*prompts],
                completions=[*completions],
                rewards={name: mine[:, column].tolist() for column, name in enumerate(names)},
                advantages=output["advantages"].tolist(),
                split="train" if trainer.model.training else "eval",
            )
        )
