"""Generation from the model in the loop, whatever engine spreads it: what plugins that generate share.

Call each function on all ranks together, from a hook of a plugin with `ranks = "all"`: FSDP2 and ZeRO-3 exchange
weights while a model generates, and a rank that stays away hangs the others.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.distributed.collectives import all_gather
from callsheet.errors import first_line
from callsheet.generation import generate
from callsheet.privates import deepspeed, transformers
from callsheet.privates.trl import whole_for_generation
from callsheet.process.environment import changed_environment
from callsheet.randomness import random_states_kept

if TYPE_CHECKING:
    from callsheet.generation.generate import Row
    from callsheet.records import LoopState

RAM_EFFICIENT = "FSDP_CPU_RAM_EFFICIENT_LOADING"  # of accelerate: rank 0 alone loads, and the others get theirs from it


class GenerationFailed(RuntimeError):
    """A rank could not generate; every rank raises it, and the message names the ranks that failed."""


def answers(state: LoopState, model: Any, rows: Sequence[Row], batch_size: int, **generation: Any) -> list[str]:
    """The answer to each of `rows`, in their order, on every rank; each rank generates its share of them.

    `model` is `state.model`, or a whole one such as `load` returns. A row has a `prompt`, which is text or a
    conversation. `batch_size` counts prompts on each rank. `generation` is what `model.generate` takes, or
    `system_prompt` and `chat` of `generate.answers`. Dropout is off meanwhile; the model's mode and all random states
    are left as they were, also if it samples. Raises `GenerationFailed` on every rank where one of several failed.
    """
    mine = share_of(rows, state.rank, state.world_size)
    with random_states_kept(), ready(state, model) as whole:
        asked = {**in_step(whole), **generation}
        found, failure = _attempt(
            state, asked, lambda: generate.answers(whole, state.tokenizer, mine, batch_size, **asked)
        )
    by_rank = _of_all(found, failure)
    return [by_rank[number % state.world_size][number // state.world_size] for number in range(len(rows))]


def _attempt(state: LoopState, asked: dict[str, Any], task: Callable[[], list[str]]) -> tuple[list[str], str]:
    """What `task` returns, or how it failed, for all ranks to hear; in step, the others would wait for it."""
    if state.world_size == 1 or asked["synced_gpus"]:
        return task(), ""
    try:
        return task(), ""
    except Exception as error:
        return [], f"rank {state.rank}: {type(error).__name__}: {first_line(error)}"


def _of_all(found: list[str], failure: str) -> list[list[str]]:
    told = all_gather((found, failure))
    if failures := [said for _, said in told if said]:
        raise GenerationFailed("; ".join(failures))
    return [answers for answers, _ in told]


def share_of(rows: Sequence[Row], rank: int, world_size: int) -> list[Row]:
    """The rows for one rank: every so many, and as many on each rank, so that all generate equally often.

    Where they do not come out even, some of the first rows go to two ranks.
    """
    rounds = -(-len(rows) // world_size)
    return [rows[(rank + number * world_size) % len(rows)] for number in range(rounds)]


def in_step(model: Any) -> dict[str, Any]:
    """What `model.generate` must know: a rank that is done goes on until all are.

    FSDP2 gathers at every token. ZeRO-3 compares its order of parameters over ranks at the start of a forward pass, as
    long as it has not seen the same order twice, as after an evaluation; also while the model is whole.
    """
    is_spread = any(hasattr(parameter, "to_local") for parameter in model.parameters())
    return {"synced_gpus": is_spread or deepspeed.has_partitions(model)}


@contextmanager
def ready(state: LoopState, model: Any) -> Iterator[Any]:
    """`model` for generation. ZeRO-3 gathers it whole on each rank, because its hooks count on a backward pass."""
    if deepspeed.has_partitions(model):
        assert state.trainer is not None
        with whole_for_generation(state.trainer.model_wrapped, state.accelerator) as whole, _not_compiled():
            yield whole
        return
    with _not_compiled():
        yield model
    for module in model.modules():  # FSDP2 leaves the root's weights whole, where other plugins look for shards
        if hasattr(module, "reshard") and hasattr(module, "unshard"):
            module.reshard()


def _not_compiled() -> AbstractContextManager[Any]:
    """Compiled models generate as they are written: graphs of other shapes would take the place of the training's."""
    if "torch._dynamo" not in sys.modules:
        return nullcontext()
    import torch

    stance: AbstractContextManager[Any] = torch.compiler.set_stance("force_eager")
    return stance


def load(state: LoopState, folder: Path) -> Any:
    """The model in `folder`, whole on each rank, with the type and on the device of `state.model`."""
    from transformers import AutoModelForCausalLM

    like: Any = state.model
    with away_from_engines(state):
        return AutoModelForCausalLM.from_pretrained(folder, dtype=like.dtype).to(like.device)


@contextmanager
def away_from_engines(state: LoopState) -> Iterator[None]:
    """Load a whole model in this block: `from_pretrained` would partition it for ZeRO-3, or for FSDP load it on rank 0.

    Raises `RuntimeError` where ZeRO's configuration is not that of the trainer, and could not be put back.
    """
    with (
        random_states_kept(),
        changed_environment({RAM_EFFICIENT: None}),
        transformers.without_zero3(_configurations(state)),
    ):
        yield


def _configurations(state: LoopState) -> list[Any]:
    """Those of DeepSpeed that the trainer and its accelerator keep; transformers goes by one of them."""
    plugin = getattr(getattr(state.accelerator, "state", None), "deepspeed_plugin", None)
    kept = (getattr(plugin, name, None) for name in ("dschf", "hf_ds_config"))
    return [one for one in (*kept, getattr(state.args, "hf_deepspeed_config", None)) if one is not None]
