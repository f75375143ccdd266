"""A model folder that loads, written tensor by tensor from shards: no rank ever holds the whole model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.disk.cleared import without_links
from callsheet.disk.inside import Inside
from callsheet.sharding.layout import Layout, layout_of, sources_of
from callsheet.sharding.stream import write_safetensors
from callsheet.sharding.whole import Sharding, Values

if TYPE_CHECKING:
    from torch import Tensor

INDEX = "model.safetensors.index.json"


def save_model(model: Any, sharding: Sharding, folder: Path, values: Values) -> None:
    """Write the unwrapped `model` to `folder`, as `save_pretrained` would, with other weights in it. On all ranks.

    `values` gives this rank's part of a parameter by name, or None for what the model computes with. An adapter is
    saved as one. Rank 0 holds one tensor at a time, unless transformers has to rearrange the weights of this
    architecture (experts that it keeps fused), which takes all of them at once.
    """
    if hasattr(model, "peft_config"):
        _save_adapter(model, sharding, folder, values)
    elif layout := _layout_of_stream(model, sharding):
        _save_what_surrounds(model, sharding, folder)
        _stream(model, sharding, folder, values, layout)
    else:
        sources = sources_of(model)
        _save_at_once(model, sharding, folder, values, sources)


def begin_saving(model: Any, sharding: Sharding, folder: Path) -> Callable[[Values], None] | None:
    """Write to `folder` what surrounds the weights. The result writes the weights themselves, as `save_model` does.

    A thread may call the result, on every rank: rank 0 has all parts, and no rank waits for another. None, and nothing
    is written, where that is not so, and where transformers has to rearrange the weights or PEFT saves them.
    """
    if hasattr(model, "peft_config") or not sharding.is_gathered():
        return None
    if (layout := _layout_of_stream(model, sharding)) is None:
        return None
    _save_what_surrounds(model, sharding, folder)
    return lambda values: _stream(model, sharding, folder, values, layout)


def _layout_of_stream(model: Any, sharding: Sharding) -> Layout | None:
    """Where each tensor goes, of a model that is written tensor by tensor; None for others."""
    from transformers import PreTrainedModel

    return layout_of(model, sharding) if isinstance(model, PreTrainedModel) else None


def _save_what_surrounds(model: Any, sharding: Sharding, folder: Path) -> None:
    """Configuration and code, which transformers 5.23 writes together with weights.

    It is given none, and the empty file that it makes of them goes again.
    """
    if sharding.rank == 0:
        without_links(folder)
        with _no_bar():
            model.save_pretrained(folder, state_dict={})
        for path in folder.glob("model*.safetensors*"):
            path.unlink()


def _stream(model: Any, sharding: Sharding, folder: Path, values: Values, layout: Layout) -> None:
    for name, unordered in layout.files.items():
        keys = sorted(unordered, key=lambda key: -layout.metas[key].itemsize)  # or a large type could lie unaligned
        tensors = (_tensor(model, sharding, layout.sources[key], values) for key in keys)
        if sharding.rank == 0:
            write_safetensors(folder / name, {key: layout.metas[key] for key in keys}, tensors)
        else:
            _take_part(tensors)
    if sharding.rank == 0 and len(layout.files) > 1:
        where = {key: name for name, keys in layout.files.items() for key in keys}
        size = {"total_parameters": model.num_parameters(), "total_size": layout.size}
        text = json.dumps({"metadata": size, "weight_map": where}, indent=2, sort_keys=True)
        Inside(folder).write(INDEX, text + "\n", durable=False)


def _save_adapter(model: Any, sharding: Sharding, folder: Path, values: Values) -> None:
    """Adapters are small: rank 0 puts the active one together, and PEFT gives its tensors their names."""
    adapters = list(model.active_adapters)
    chosen = {
        key: source for key, source in sources_of(model).items() if _is_of_adapter(key, source, sharding, adapters)
    }
    _save_at_once(model, sharding, folder, values, chosen, selected_adapters=adapters)


def _save_at_once(
    model: Any, sharding: Sharding, folder: Path, values: Values, sources: dict[str, str], **how: Any
) -> None:
    whole = {source: _tensor(model, sharding, source, values) for source in dict.fromkeys(sources.values())}
    if sharding.rank == 0:
        without_links(folder)
        model.save_pretrained(folder, state_dict={key: whole[source] for key, source in sources.items()}, **how)


def _is_of_adapter(key: str, source: str, sharding: Sharding, adapters: Iterable[str]) -> bool:
    """Whether PEFT may want it: what trains, what bears an adapter's name, buffers, and embeddings under an adapter."""
    shard = sharding.shards.get(source)
    parts = key.split(".")
    adapted_embedding = "base_layer" in parts and {"embed_tokens", "lm_head"} & {*parts}
    return shard is None or shard.trainable or any(name in parts for name in adapters) or bool(adapted_embedding)


def _tensor(model: Any, sharding: Sharding, source: str, values: Values) -> Tensor | None:
    """A parameter put together on rank 0, or a buffer, which every rank has whole."""
    if source not in sharding.shards:
        buffer: Tensor = model.get_buffer(source)
        return buffer.detach().cpu()
    if sharding.rank and not sharding.is_holder(source):
        return None
    shard = sharding.shards[source]
    if (local := values(source)) is None and (local := shard.live()) is None:
        copy = shard.copy()
        return None if copy is None else copy.cpu()
    return sharding.whole(source, local.to(shard.dtype))


@contextmanager
def _no_bar() -> Iterator[None]:
    """Without the bar that transformers draws over the shards it writes, here none."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _take_part(tensors: Iterator[Tensor | None]) -> None:
    """Send what this rank keeps of each, and hold none."""
    for _ in tensors:
        pass
