"""Completions of a trainer's evaluation sets, step by step: what plugins that sample share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from callsheet.distributed.collectives import broadcast
from callsheet.errors import first_line
from callsheet.generation import sampler, settings
from callsheet.generation.drawing import seed_of, undisturbed
from callsheet.generation.prompts import Prompt, evaluation_sets, prompts_of, unusable
from callsheet.generation.under_engines import GenerationFailed

if TYPE_CHECKING:
    from callsheet.records import LoopState

NOT_SAMPLED = "not sampled"


class Sampling:
    """Samples each evaluation set once a step. Make it, and each call, on all ranks, once the model is built.

    `generation` is a generation config: None, a name or a mapping; `setting` is what messages call it. `num_prompts` of
    each set are taken, all where it is None, and others at each step where `is_fresh`. `batch_size` counts prompts on
    each rank, and is per_device_eval_batch_size where it is None. What fails costs the completions of that step alone:
    `say(sentence, about)` is told, on every rank, and the run goes on; `about` is the same for failures of one kind.
    """

    def __init__(
        self,
        state: LoopState,
        generation: Any,
        setting: str,
        *,
        num_prompts: int | None,
        batch_size: int | None = None,
        seed: int = 0,
        is_fresh: bool = False,
        say: Callable[[str, str], None],
    ) -> None:
        self.why_not = sampler.why_not(state.model)  # the end of a sentence, or empty
        self._generation = broadcast(lambda: settings.resolved(generation, state.model, setting))
        self._num_prompts, self._batch_size = num_prompts, batch_size
        self._seed, self._is_fresh = seed, is_fresh
        self._say = say
        self._is_encoded = bool(getattr(getattr(state.model, "config", None), "is_encoder_decoder", False))
        self._sampled: dict[str, int] = {}  # the last step of each set

    def begin(self) -> None:
        """Training begins, perhaps anew, and with it the count of steps."""
        self._sampled = {}

    @staticmethod
    def sets(state: LoopState) -> list[str]:
        """The names of the evaluation sets: "eval", or one for each of several."""
        return [*evaluation_sets(state.trainer)]

    def sample(self, state: LoopState, names: Sequence[str]) -> list[list[dict[str, Any]]]:
        """The rows of each of these sets that gave some, as `sampler.sample` returns them; none twice for a step."""
        due = [name for name in names if self._sampled.get(name) != state.step]
        if not due or self.why_not:
            return []
        self._sampled |= dict.fromkeys(due, state.step)
        with undisturbed():
            prompts, whys = broadcast(lambda: self._prompts(state, due))
        for why in whys:
            self._say(why, "")
        rows = self._answered(state, prompts) if prompts else []
        by_set = [[row for row in rows if row["source"] == name] for name in due]
        return [found for found in by_set if found]

    def _answered(self, state: LoopState, prompts: Sequence[Prompt]) -> list[dict[str, Any]]:
        batch_size = self._batch_size or int(getattr(state.args, "per_device_eval_batch_size", 8) or 8)
        try:
            return sampler.sample(state, prompts, self._generation, batch_size, seed=self._seed)
        except Exception as error:
            if state.world_size > 1 and not isinstance(error, GenerationFailed):
                raise  # the other ranks know nothing of it, and would wait for this one
            self._say(f"The completions of step {state.step} are not sampled: {first_line(error)}", NOT_SAMPLED)
            return []

    def _prompts(self, state: LoopState, names: Sequence[str]) -> tuple[list[Prompt], list[str]]:
        """On rank 0: the prompts of these sets, and what is wrong with those that give none. Never raises."""
        found, whys, sets = list[Prompt](), list[str](), evaluation_sets(state.trainer)
        for name in names:
            try:
                seed = seed_of(self._seed, state.step, name) if self._is_fresh else None
                taken = prompts_of(name, sets[name], self._num_prompts, seed=seed, is_encoded=self._is_encoded)
                if not taken:
                    why = unusable(sets[name]) or "the rows that were looked at have no prompt"
                    whys.append(f"No completions are sampled of the evaluation set '{name}': {why}.")
                found += taken
            except Exception as error:  # of somebody's own data set
                whys.append(f"The evaluation set '{name}' cannot be read for completions: {first_line(error)}")
        return found, whys
