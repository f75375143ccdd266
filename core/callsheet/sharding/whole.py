"""How ranks put a parameter together from what each of them keeps: one parameter at a time, never the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from callsheet.distributed.collectives import all_gather, cpu_group
from callsheet.sharding.model import shards_of
from callsheet.sharding.shards import Shard

if TYPE_CHECKING:
    from torch import Tensor


Values = Callable[[str], "Tensor | None"]


class Holder(NamedTuple):
    """A rank and the elements of a flattened parameter that it keeps."""

    rank: int
    start: int
    length: int


class Sharding:
    """Every parameter of an unwrapped model as this rank keeps it. Made, and its methods called, on all ranks together.

    `chosen` are those that are worked on, by default what training changes: of a PEFT model, its adapter.

    Tensors travel over gloo in main memory: it waits for a rank that is writing to a slow disk, where NCCL gives up.
    """

    def __init__(self, model: Any, choose: Callable[[Shard], bool] = lambda shard: shard.trainable) -> None:
        self._model = model
        self.reshard()
        self.shards = shards_of(model)
        self.chosen = {name: shard for name, shard in self.shards.items() if choose(shard) and shard.shape.numel()}
        self.rank = _rank()
        self._holders = _holders(self.shards)

    def is_holder(self, name: str) -> bool:
        """Whether this rank answers for its part: of several that keep the same elements, the first does."""
        return any(holder.rank == self.rank for holder in self._holders[name])

    def is_gathered(self) -> bool:
        """Whether rank 0 has every part of every parameter, as with one process and DDP."""
        return all(holder.rank == 0 for holders in self._holders.values() for holder in holders)

    def whole(self, name: str, local: Tensor) -> Tensor | None:
        """The whole tensor of which `local`, one-dimensional, is this rank's part: on rank 0, in main memory."""
        shard, holders, local = self.shards[name], self._holders[name], local.detach().cpu()
        if all(holder.rank == 0 for holder in holders):
            return local.view(shard.shape) if self.rank == 0 else None
        if self.rank == 0:
            return self._received(shard, holders, local)
        if self.is_holder(name):
            _send(local)
        return None

    def everywhere(self, name: str, local: Tensor) -> Tensor:
        """As `whole`, on every rank."""
        import torch
        import torch.distributed as dist

        whole = self.whole(name, local)
        if (group := cpu_group()) is not None:
            if whole is None:
                whole = torch.empty(self.shards[name].shape, dtype=local.dtype)
            dist.broadcast(whole, 0, group=group)
        assert whole is not None
        return whole

    def write(self, values: Values) -> None:
        """Let the model compute with `values`, this rank's parts by name, in whatever dtype the model has."""
        self.reshard()
        for name, shard in self.chosen.items():
            if (local := values(name)) is None:
                continue
            if (live := shard.live()) is not None:
                live.copy_(local)
            if (copy := shard.copy()) is not None:
                copy.copy_(self.everywhere(name, local))

    @contextmanager
    def borrowed(self) -> Iterator[None]:
        """Keep what the model computes with in main memory, and put it back, bit for bit, whatever happens."""
        kept = {name: (_clone(shard.live()), _clone(shard.copy())) for name, shard in self.chosen.items()}
        try:
            yield
        except BaseException:
            self._put_back(kept)  # without the other ranks, which may not have raised and would never come
            raise
        self._put_back(kept)
        for name, (live, copy) in kept.items():
            if live is not None and copy is None and (gathered := self.chosen[name].copy()) is not None:
                gathered.copy_(self.everywhere(name, live))

    def _put_back(self, kept: Mapping[str, tuple[Tensor | None, Tensor | None]]) -> None:
        self.reshard()
        for name, (live, copy) in kept.items():
            shard = self.chosen[name]
            for target, before in ((shard.live(), live), (shard.copy(), copy)):
                if target is not None and before is not None:
                    target.copy_(before)

    def reshard(self) -> None:
        """Have FSDP2 give up what it gathered for an evaluation: it would go on computing with that.

        The root keeps its parameters gathered after a forward pass, for the backward pass that an evaluation does not
        have: `fully_shard` of torch 2.13 documents it under `reshard_after_forward`.
        """
        for module in self._model.modules():
            kind = type(module)  # a module that lacks an attribute takes long to say so
            if hasattr(kind, "reshard") and hasattr(kind, "unshard"):
                module.reshard()

    def _received(self, shard: Shard, holders: list[Holder], local: Tensor) -> Tensor:
        import torch
        import torch.distributed as dist

        whole = torch.empty(shard.shape.numel(), dtype=local.dtype)
        for rank, start, length in holders:
            part = whole.narrow(0, start, length)
            if rank == 0:
                part.copy_(local)
            else:
                dist.recv(part, src=rank, group=cpu_group())
        return whole.view(shard.shape)


def _clone(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.to("cpu", copy=True)


def _send(local: Tensor) -> None:
    import torch.distributed as dist

    dist.send(local.contiguous(), dst=0, group=cpu_group())


def _rank() -> int:
    import torch.distributed as dist

    return dist.get_rank() if cpu_group() is not None else 0


def _holders(shards: Mapping[str, Shard]) -> dict[str, list[Holder]]:
    """Who keeps what of each parameter; of ranks that keep the same, the first."""
    holders: dict[str, list[Holder]] = {name: [] for name in shards}
    seen: set[tuple[str, int]] = set()
    for rank, spans in enumerate(all_gather({name: (shard.start, shard.length) for name, shard in shards.items()})):
        for name, (start, length) in spans.items():
            if length and (name, start) not in seen:
                seen.add((name, start))
                holders[name].append(Holder(rank, start, length))
    return holders
