"""Which tensor goes into which file of a model folder, planned on tensors without content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callsheet.privates.transformers import as_saved, keys_ignored_on_save
from callsheet.sharding.model import plain_name
from callsheet.sharding.whole import Sharding

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """`files` maps a file's name to the keys in it; `sources` a key to the model's parameter or buffer."""

    files: Mapping[str, list[str]]
    sources: Mapping[str, str]
    metas: Mapping[str, Tensor]

    @property
    def size(self) -> int:
        """Bytes of all tensors."""
        return sum(meta.nbytes for meta in self.metas.values())


def sources_of(model: Any) -> dict[str, str]:
    """The keys of the state dict with what each stands for: a parameter under its first name, or a buffer."""
    firsts = {id(parameter): plain_name(name) for name, parameter in model.named_parameters()}
    parameters = {
        plain_name(name): firsts[id(parameter)] for name, parameter in model.named_parameters(remove_duplicate=False)
    }
    return {key: parameters.get(key, key) for key in map(plain_name, model.state_dict())}


def layout_of(model: Any, sharding: Sharding) -> Layout | None:
    """As `save_pretrained` would lay it out; None where it would have to rearrange tensors, not only rename them."""
    from huggingface_hub import split_torch_state_dict_into_shards

    sources, ignored = sources_of(model), keys_ignored_on_save(model)
    metas = {key: _meta(model, sharding, source) for key, source in sources.items() if key not in ignored}
    known = {id(meta): sources[key] for key, meta in metas.items()}
    renamed = as_saved(model, metas)
    if any(id(meta) not in known for meta in renamed.values()):
        return None
    split = split_torch_state_dict_into_shards(
        renamed, filename_pattern="model{suffix}.safetensors", max_shard_size=_max_shard_size(type(model))
    )
    return Layout(split.filename_to_tensors, {key: known[id(meta)] for key, meta in renamed.items()}, renamed)


def _meta(model: Any, sharding: Sharding, source: str) -> Tensor:
    import torch

    if shard := sharding.shards.get(source):
        return torch.empty(shard.shape, dtype=shard.dtype, device="meta")
    buffer = model.get_buffer(source)
    return torch.empty(buffer.shape, dtype=buffer.dtype, device="meta")


def _max_shard_size(kind: type) -> Any:
    """What `save_pretrained` of this transformers splits at, unless told otherwise."""
    import inspect

    return inspect.signature(kind.save_pretrained).parameters["max_shard_size"].default  # type: ignore[attr-defined]
