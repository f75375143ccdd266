"""The rollouts of GRPO and RLOO, joined from the two methods of TRL that know parts of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from callsheet.records import Rollouts
from callsheet.rewards import numbered


class RolloutRecorder:
    """Announces each scored batch of rollouts, each rank its own part; does nothing unless a plugin listens.

    TRL gathers the rewards of all ranks to normalize them, so this class cuts out the part of its rank. TRL itself cuts
    out the advantages of each rank.
    """

    def __init__(self, active: bool, announce: Callable[[Rollouts], None]) -> None:
        self.active = active
        self._announce = announce
        self._scored: tuple[Sequence[Any], Sequence[Any], Any] | None = None

    def scored(self, prompts: Sequence[Any], completions: Sequence[Any], rewards: Any) -> None:
        """Keep one batch; `rewards` has a row for each rollout of all ranks, rank 0 first, and a column a function."""
        self._scored = (prompts, completions, rewards) if self.active else None

    def generated(self, trainer: Any, output: Any) -> None:
        """Announce the batch; `output["advantages"]` are those of this rank."""
        if self._scored is None:
            return
        (prompts, completions, rewards), self._scored = self._scored, None
        first = trainer.accelerator.process_index * len(prompts)
        mine = rewards[first : first + len(prompts)]
        names = numbered(trainer.reward_func_names)
        self._announce(
            Rollouts(
                prompts=[*prompts],
                completions=[*completions],
                rewards={name: mine[:, column].tolist() for column, name in enumerate(names)},
                advantages=output["advantages"].tolist(),
                split="train" if trainer.model.training else "eval",
            )
        )
