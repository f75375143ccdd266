"""The average of one run in progress, on one rank: updated from the model's shards, saved and formed from its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.sharding import Sharding, Stored
from callsheet_plugins.bema import average
from callsheet_plugins.bema.average import Ema
from callsheet_plugins.bema.keeping import Kept
from callsheet_plugins.bema.offload import Offload, crossing

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Average:
    """The EMA in float32, one copy of this rank's shard, and where θ₀ is read from."""

    sharding: Sharding
    ema: Ema
    theta0: Callable[[str], Tensor]
    offload: Offload | None = None

    @classmethod
    def begin(cls, sharding: Sharding, kept: Kept, device: str, where: str) -> Average:
        """Start at the weights as they are, which become θ₀."""
        dtypes = {}
        ema: Ema = {}
        for name, shard in sharding.chosen.items():
            weights = shard.read()
            ema[name], dtypes[name] = average.begun(weights, device), weights.dtype
        theta0 = {name: tensor.to(dtypes[name]) for name, tensor in ema.items()}  # nothing is lost: it was that before
        stored = kept.keep_theta0(theta0)
        if where == "disk":
            return cls(sharding, ema, stored.read)
        return cls(sharding, ema, {name: stored.read(name).to(device) for name in ema}.__getitem__)

    @classmethod
    def restored(
        cls, sharding: Sharding, kept: Kept, ema: Stored, checkpoint: Path, device: str, where: str
    ) -> Average:
        """Go on where a checkpoint left off, bit for bit."""
        stored = kept.adopt(checkpoint)
        running = {name: ema.read(name).to(device) for name in sharding.chosen}
        if where == "disk":
            return cls(sharding, running, stored.read)
        return cls(sharding, running, {name: stored.read(name).to(device) for name in running}.__getitem__)

    def update(self, beta: float) -> None:
        """EMA ← EMA + β (θ - EMA)."""
        shards = self.sharding.chosen
        device, leaving = crossing(shards, self.ema)
        if leaving:
            self.offload = self.offload or Offload(device)
            self.offload.update(leaving, shards, beta)
        for name, ema in self.ema.items():
            if name not in leaving:
                average.blend(ema, shards[name].read(), beta)

    def former(self, alpha: float) -> Callable[[str], Tensor | None]:
        """Gives this rank's part of the average of a parameter, made when asked for; None for what is not averaged."""
        self._settle()

        def form(name: str) -> Tensor | None:
            if name not in self.ema:
                return None
            return average.formed(self.ema[name], self.sharding.shards[name].read(), self.theta0(name), alpha)

        return form

    def save(self, kept: Kept, folder: Path) -> None:
        """Write all that a resumed run needs into `folder`, a checkpoint's; on all ranks."""
        self._settle()
        kept.save(self.ema, folder)

    def close(self) -> None:
        if self.offload:
            self.offload.close()

    def _settle(self) -> None:
        if self.offload:
            self.offload.settle()
