"""The files of BEMA: what a run writes once and its checkpoints share, and what a resumed run reads back."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from callsheet_plugins.bema.average import Average

EMA = "ema.safetensors"
THETA0 = "theta0.safetensors"
FORMED = "formed"


@dataclass(frozen=True)
class Kept:
    """A folder of the run for what never changes once written: θ₀, and the model folder of the formed average."""

    folder: Path

    @property
    def formed(self) -> Path:
        return self.folder / FORMED

    def clear(self) -> None:
        """Begin with an empty folder; the checkpoints of an earlier run hold links of their own."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def save(self, average: Average, checkpoint: Path) -> None:
        """Put all that a resumed run needs into `checkpoint`, writing only the EMA anew."""
        from safetensors.torch import save_file

        if not (self.folder / THETA0).exists():
            save_file(average.theta0, self.folder / THETA0)
        save_file(average.ema, checkpoint / EMA)
        share(self.folder, checkpoint)

    def adopt(self, checkpoint: Path, *, formed: bool) -> None:
        """Take over what `checkpoint` holds of these files, the formed average only if asked to."""
        share(checkpoint / THETA0, self.folder / THETA0)
        if formed and (checkpoint / FORMED).exists():
            share(checkpoint / FORMED, self.formed)

    def publish(self, folder: Path) -> Path:
        """Move the formed average to `folder`, in place of what is there."""
        shutil.rmtree(folder, ignore_errors=True)
        return self.formed.rename(folder)


def read(checkpoint: Path, device: str) -> Average | None:
    """The average as `checkpoint` holds it, bit for bit, or None where it holds none."""
    from safetensors.torch import load_file

    theta0, ema = checkpoint / THETA0, checkpoint / EMA
    if not (theta0.exists() and ema.exists()):
        return None
    return Average(load_file(theta0, device), load_file(ema, device))


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
