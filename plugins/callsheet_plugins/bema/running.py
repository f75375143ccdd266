"""The running average of one rank: updated from the model's shards, saved, and formed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.sharding import Sharding, Stored
from callsheet_plugins.bema import average
from callsheet_plugins.bema.average import Ema
from callsheet_plugins.bema.keeping import Kept
from callsheet_plugins.bema.lane import Lane
from callsheet_plugins.bema.offload import Offload, crossing

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Average:
    """The EMA in float32, one copy of this rank's shard, and the function that reads θ₀."""

    sharding: Sharding
    ema: Ema
    theta0: Callable[[str], Tensor]
    offloads: dict[Any, Offload] = field(default_factory=dict)  # keyed by the GPU of the weights
    leaving: dict[Any, Ema] | None = None  # the same keys; computed once, because an engine may have to fetch weights

    @classmethod
    def begin(cls, sharding: Sharding, kept: Kept, device: str, where: str) -> Average:
        """Start at the current weights, which become θ₀."""
        dtypes = {}
        ema: Ema = {}
        for name, shard in sharding.chosen.items():
            weights = shard.read()
            ema[name], dtypes[name] = average.begun(weights, device), weights.dtype
        theta0 = {name: tensor.to(dtypes[name]) for name, tensor in ema.items()}  # exact: this was their dtype before
        stored = kept.keep_theta0(theta0)
        if where == "disk":
            return cls(sharding, ema, stored.read)
        return cls(sharding, ema, {name: stored.read(name).to(device) for name in ema}.__getitem__)

    @classmethod
    def restored(
        cls, sharding: Sharding, kept: Kept, ema: Stored, checkpoint: Path, device: str, where: str
    ) -> Average:
        """Restore the average of `checkpoint`, bit for bit."""
        stored = kept.adopt(checkpoint)
        running = {name: ema.read(name).to(device) for name in sharding.chosen}
        if where == "disk":
            return cls(sharding, running, stored.read)
        return cls(sharding, running, {name: stored.read(name).to(device) for name in running}.__getitem__)

    def update(self, beta: float) -> None:
        """EMA ← EMA + β (θ - EMA)."""
        shards = self.sharding.chosen
        if self.leaving is None:
            self.leaving = crossing(shards, self.ema)
            self.offloads = {device: Offload(Lane(device)) for device in self.leaving}
        for device, leaving in self.leaving.items():
            self.offloads[device].update(leaving, shards, beta)
        gone = {name for leaving in self.leaving.values() for name in leaving}
        for name, tensor in self.ema.items():  # in the order in which they lie in memory, which is faster
            if name not in gone:
                average.blend(tensor, shards[name].read(), beta)

    def former(self, alpha: float) -> Callable[[str], Tensor | None]:
        """A function that forms this rank's part of a parameter's average, or None if it is not averaged."""
        self.settle()

        def form(name: str) -> Tensor | None:
            if name not in self.ema:
                return None
            return average.formed(self.ema[name], self.sharding.shards[name].read(), self.theta0(name), alpha)

        return form

    def save(self, kept: Kept, folder: Path) -> None:
        """Write all that a resumed run needs into `folder` of a checkpoint; on all ranks."""
        self.settle()
        kept.save(self.ema, folder)

    def close(self) -> None:
        for offload in self.offloads.values():
            offload.close()

    def settle(self) -> None:
        """Wait until the average holds every update."""
        for offload in self.offloads.values():
            offload.settle()
