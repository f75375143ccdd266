"""The files of BEMA: what a run writes once and its checkpoints share, and what a resumed run reads back."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from callsheet.sharding import Sharding, Stored, save_shards
from callsheet.sharding.files import file_of, holds_exactly
from callsheet.world import meet
from callsheet_plugins.bema.average import Ema

EMA = "ema"
THETA0 = "theta0"
FORMED = "formed"


@dataclass(frozen=True)
class Kept:
    """A folder of the run for what never changes once written: θ₀, and the model folder of the formed average."""

    folder: Path
    sharding: Sharding

    @property
    def _rank(self) -> int:
        return self.sharding.rank

    @property
    def formed(self) -> Path:
        return self.folder / FORMED

    def clear(self) -> None:
        """Begin with an empty folder; the checkpoints of an earlier run hold links of their own."""
        if self._rank == 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
        meet()

    def keep_theta0(self, theta0: Ema) -> Stored:
        """Write θ₀, and return it as it can be read back, tensor by tensor."""
        save_shards(self.sharding, theta0, self.folder, THETA0)
        meet()
        return self.theta0()

    def theta0(self) -> Stored:
        return Stored(self.sharding.trainable, self.folder, THETA0)

    def save(self, ema: Ema, checkpoint: Path) -> None:
        """Put all that a resumed run needs into `checkpoint`, writing only the EMA anew."""
        save_shards(self.sharding, ema, checkpoint, EMA)
        if (mine := file_of(self.folder, THETA0, self._rank)).exists():
            share(mine, checkpoint / mine.name)
        if self._rank == 0 and self.formed.exists():
            share(self.formed, checkpoint / FORMED)

    def adopt(self, checkpoint: Path) -> Stored:
        """Take over the θ₀ of `checkpoint`: the file of this rank, or its part of what other ranks wrote."""
        stored, mine = Stored(self.sharding.trainable, checkpoint, THETA0), file_of(checkpoint, THETA0, self._rank)
        if mine.exists() and holds_exactly(mine, self.sharding):
            share(mine, self.folder / mine.name)
            meet()
            return self.theta0()
        return self.keep_theta0({name: stored.read(name) for name in stored.shards})

    def adopt_formed(self, checkpoint: Path) -> bool:
        """Take over the formed average of `checkpoint`, if it has one. Rank 0 only."""
        if (checkpoint / FORMED).exists():
            share(checkpoint / FORMED, self.formed)
        return self.formed.exists()

    def publish(self, folder: Path) -> Path:
        """Move the formed average to `folder`, in place of what is there."""
        shutil.rmtree(folder, ignore_errors=True)
        return self.formed.rename(folder)


def share(source: Path, target: Path) -> None:
    """Make `source`, a file or a folder, appear at `target` too: tensors by hard link, small files by copy."""
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_link_or_copy, dirs_exist_ok=True)
    else:
        _link_or_copy(str(source), str(target))


def _link_or_copy(source: str, target: str) -> None:
    Path(target).unlink(missing_ok=True)
    if not (source.endswith(".safetensors") and _linked(source, target)):
        shutil.copy2(source, target)


def _linked(source: str, target: str) -> bool:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        return False
    return True
