"""The files of BEMA: a run writes them once, its checkpoints share them by links, and a resumed run reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet import sharding as sharded
from callsheet.disk.inside import Inside
from callsheet.distributed.collectives import barrier
from callsheet.rundir.links import link_or_copy
from callsheet_plugins.bema.average import Ema

if TYPE_CHECKING:
    from callsheet.sharding import Sharding, Stored

EMA = "ema"
THETA0 = "theta0"  # the weights at the start
THETA = "theta"  # the weights of the last update
FORMED = "formed"  # in checkpoints of Callsheet 0.1, instead of THETA


@dataclass(frozen=True)
class Kept:
    """The run's folder for files that never change after they are written: θ₀, θ, and the formed average as a model.

    `keep` and `save` may be called by a thread: they involve no other rank.
    """

    folder: Path
    sharding: Sharding

    @property
    def _rank(self) -> int:
        return self.sharding.rank

    @property
    def _inside(self) -> Inside:
        """The run directory, RUN/callsheet/bema being this folder; no symbolic link in it is followed."""
        return Inside(self.folder.parents[1])

    @property
    def formed(self) -> Path:
        return self.folder / FORMED

    def clear(self) -> None:
        """Empty the folder; the checkpoints of an earlier run have their own links to its files."""
        if self._rank == 0:
            self._inside.remove_tree(self.folder)
            self._inside.make(self.folder)  # NFS does not delete a folder with open files
        barrier()

    def keep(self, weights: Ema, kind: str) -> None:
        """Write this rank's part of `weights`; `kind` is THETA0 or THETA."""
        sharded.save_shards(self.sharding, weights, self.folder, kind)

    def stored(self, kind: str) -> Stored:
        """A reader for what all ranks kept."""
        return sharded.Stored(self.sharding.chosen, self.folder, kind)

    def save(self, ema: Ema, checkpoint: Path) -> None:
        """Put all that a resumed run needs into `checkpoint`; only the EMA is written again, the rest is linked."""
        sharded.save_shards(self.sharding, ema, checkpoint, EMA)
        for kind in (THETA0, THETA):
            if (mine := sharded.file_of(self.folder, kind, self._rank)).exists():
                link_or_copy(mine, checkpoint / mine.name, self._inside.root)
        if self._rank == 0 and self.formed.exists():
            link_or_copy(self.formed, checkpoint / FORMED, self._inside.root)

    def adopt(self, checkpoint: Path, kind: str) -> bool:
        """Take over the weights of `kind` from `checkpoint`; returns whether it has any. On all ranks.

        Link this rank's file, or read this rank's part from the files of all.
        """
        stored, mine = (
            sharded.Stored(self.sharding.chosen, checkpoint, kind),
            sharded.file_of(checkpoint, kind, self._rank),
        )
        if not stored:
            return False
        if mine.exists() and sharded.holds_exactly(mine, self.sharding):
            link_or_copy(mine, self.folder / mine.name, self._inside.root)
        else:
            self.keep({name: stored.read(name) for name in stored.shards}, kind)
        barrier()
        return True

    def adopt_formed(self, checkpoint: Path) -> bool:
        """Take over the formed average of `checkpoint`, if there is one; returns whether there is. Rank 0 only."""
        if (checkpoint / FORMED).exists():
            link_or_copy(checkpoint / FORMED, self.formed, self._inside.root)
        return self.formed.exists()

    def publish(self, folder: Path) -> Path:
        """Move the formed average to `folder`, and replace what is there."""
        self._inside.remove_tree(folder)
        self._inside.rename(self.formed, folder)
        return folder

    def remove(self) -> None:
        """Delete the folder; checkpoints have their own links. Rank 0 only, after the other ranks are done with it."""
        self._inside.remove_tree(self.folder)
