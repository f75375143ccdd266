"""Completions of the evaluation sets for a run that does not select the plugin `completions`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from callsheet.errors import first_line

if TYPE_CHECKING:
    from callsheet import LoopState
    from callsheet.generation.prompts import Prompt

logger = logging.getLogger("callsheet")

PLACE = "plugins.weave.generation_config"


class Sampling:
    """The same prompts at each evaluation. All ranks make each call; what fails costs completions, and not the run."""

    def __init__(self, state: LoopState, num_prompts: int | None, generation_config: Any) -> None:
        from callsheet.distributed.collectives import broadcast
        from callsheet.generation import sampler, settings

        self._num_prompts = num_prompts
        self._generation = broadcast(lambda: settings.resolved(generation_config, state.model, PLACE))
        self._why = sampler.why_not(state.model)
        self._sampled: dict[str, int] = {}

    def sample(self, state: LoopState, name: str | None = None) -> None:
        """Report what the model says to the prompts of one set, or of all of them."""
        from callsheet.distributed.collectives import broadcast
        from callsheet.generation import prompts, sampler
        from callsheet.generation.under_engines import GenerationFailed

        sets = {key: rows for key, rows in prompts.evaluation_sets(state.trainer).items() if name in (None, key)}
        due = [key for key in sets if self._sampled.get(key) != state.step]
        self._sampled |= dict.fromkeys(due, state.step)
        found, why = broadcast(lambda: self._prompts({key: sets[key] for key in due})) if due else ([], "")
        if (why := self._why or why) and state.is_main:
            logger.warning("weave has no completions of step %s: %s.", state.step, why.rstrip("."))
        if self._why or not found:
            return
        try:
            rows = sampler.sample(state, found, self._generation, self._batch(state))
        except Exception as error:
            if state.world_size > 1 and not isinstance(error, GenerationFailed):
                raise  # the other ranks know nothing of it, and would wait for this one
            logger.warning("weave has no completions of step %s: %s", state.step, first_line(error))
            return
        state.report_completions([{key: row[key] for key in row if key != "text"} for row in rows])

    def _prompts(self, sets: Mapping[str, Any]) -> tuple[list[Prompt], str]:
        """On rank 0: the prompts, or why there are none. Never raises."""
        from callsheet.generation.prompts import prompts_of, unusable

        found: list[Prompt] = []
        whys: list[str] = []
        for name, rows in sets.items():
            try:
                if why := unusable(rows):
                    whys.append(f"of the evaluation set {name!r}, {why}")
                else:
                    found += prompts_of(name, rows, self._num_prompts)
            except Exception as error:  # of somebody's own data set
                whys.append(f"the evaluation set {name!r} cannot be read: {first_line(error)}")
        return found, "; ".join(whys)

    @staticmethod
    def _batch(state: LoopState) -> int:
        return int(getattr(state.args, "per_device_eval_batch_size", 8) or 8)
