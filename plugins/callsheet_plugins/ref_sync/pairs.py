"""Finds the reference weights of a trainer, and the weight of the trained model that each of them follows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from callsheet.blending import Launches
from callsheet.errors import CallsheetError
from callsheet.sharding import Shard, Sharding, unwrapped

if TYPE_CHECKING:
    from callsheet.records import LoopState

ADAPTER = "ref"


@dataclass(frozen=True)
class Pairs:
    """The reference and the policy; `names` maps each chosen weight of the reference to its name in the policy."""

    reference: Sharding
    policy: Sharding
    names: dict[str, str]
    launches: defaultdict[str, Launches] = field(default_factory=lambda: defaultdict(Launches), compare=False)

    def __iter__(self) -> Any:
        """Pairs of a shard of the reference and the shard that it follows."""
        return ((self.reference.shards[name], self.policy.shards[other]) for name, other in self.names.items())


def find(state: LoopState) -> Pairs:
    """Find the pairs of `state.trainer`; on all ranks. Raises `CallsheetError` if there is no reference to sync."""
    model, separate = unwrapped(state), getattr(state.trainer, "ref_model", None)
    if separate is not None:
        below = separate if state.accelerator is None else state.accelerator.unwrap_model(separate)
        reference = Sharding(below, choose=lambda shard: True)
        names = {name: name for name in reference.chosen}
    elif ADAPTER in getattr(model, "peft_config", {}):
        reference = Sharding(model, choose=lambda shard: ADAPTER in shard.name.split("."))
        (active,) = model.active_adapters
        names = {name: _of_adapter(name, active) for name in reference.chosen}
    else:
        raise CallsheetError(_why_none(state, model))
    pairs = Pairs(reference, Sharding(model), names)
    _check(pairs)
    return pairs


def _check(pairs: Pairs) -> None:
    known = pairs.policy.shards
    for name, other in pairs.names.items():
        if other not in known or known[other].shape != pairs.reference.shards[name].shape:
            raise CallsheetError(
                f"The reference's {name} has no counterpart of its shape in the model that trains, so ref_sync cannot "
                "update it. Use a reference of the same architecture, or take ref_sync out of plugins."
            )
    for reference, policy in pairs:
        if not _are_alike(reference, policy):
            raise CallsheetError(
                f"The engine keeps other parts of the reference's {reference.name} on this rank than of the model that "
                "trains, so they cannot be blended in place. Use the same launch settings for both."
            )


def _are_alike(reference: Shard, policy: Shard) -> bool:
    """Whether this rank holds the same elements of both."""
    if policy.live() is None:
        return (reference.start, reference.length) == (0, policy.shape.numel())
    return (reference.start, reference.length) == (policy.start, policy.length)


def _of_adapter(name: str, active: str) -> str:
    return ".".join(active if part == ADAPTER else part for part in name.split("."))


def _why_none(state: LoopState, model: Any) -> str:
    trainer = type(state.trainer).__name__
    if hasattr(model, "peft_config"):
        return (
            f"ref_sync has nothing to sync: the reference of a new adapter is its base model, because {trainer} "
            "switches the adapter off. Train without peft, or train a saved adapter further."
        )
    return (
        f"ref_sync has nothing to sync: {trainer} has no reference model (beta is 0, or the reference's log "
        "probabilities were computed beforehand). Change that, or take ref_sync out of plugins."
    )
