"""What can be seen of a checkpoint without its manifest: whether its files are there and whole, and its step."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callsheet.disk import os_errors, regular, typed
from callsheet.disk.regular import Irregular
from callsheet.disk.typed import Malformed
from callsheet.model_files.contents import Damaged
from callsheet.model_files.safetensors import shapes_in

TRAINER_STATE = "trainer_state.json"
WEIGHTS = re.compile(r"(^|/)(model|adapter_model|pytorch_model|mp_rank|zero_pp|__\d).*\.(safetensors|bin|pt|distcp)$")
END_OF_ZIP = b"PK\x05\x06"
LONGEST_END = 22 + (1 << 16)  # bytes: the record that ends an archive, and its comment


@dataclass(frozen=True)
class TrainerState:
    """What a resumed Trainer reads of its `trainer_state.json`, and does not check."""

    global_step: int
    epoch: float | None = None
    max_steps: int = 0
    num_train_epochs: int = 0
    num_input_tokens_seen: int = 0
    train_batch_size: int | None = None
    total_flos: float = 0
    log_history: list[dict[str, Any]] | None = None
    best_metric: float | None = None
    best_global_step: int | None = None
    best_model_checkpoint: str | None = None
    stateful_callbacks: dict[str, Any] | None = None


def fault(folder: Path) -> str:
    """What is visibly wrong with a checkpoint that no manifest lists, or an empty string. Raises `Refused`."""
    try:
        trainer_state(folder)
    except FileNotFoundError:
        return f"{TRAINER_STATE} is missing"
    except Malformed as error:
        return str(error)
    except Irregular as error:
        return f"{TRAINER_STATE} cannot be read: {error}"
    if closed := os_errors.unreadable_below(folder):  # what cannot be read is not torn
        raise os_errors.Refused(closed)
    names = [str(path.relative_to(folder)) for path in files(folder)]
    if not any(WEIGHTS.search(name) for name in names):
        return "it holds no weights"
    if not any(map(is_of_optimizer, names)):
        return "it holds no optimizer state (was it saved with save_only_model?)"
    return next((wrong for name in names if (wrong := _broken(folder / name, name))), "")


def trainer_state(folder: Path) -> TrainerState:
    """What the Trainer wrote about the checkpoint in `folder`. Raises `Malformed` and OSError."""
    path = folder / TRAINER_STATE
    state = typed.read(path, TrainerState, limit=typed.LARGE, follow=True, where=TRAINER_STATE)
    if state.global_step < 0:
        raise Malformed(TRAINER_STATE, f"global_step is {state.global_step}")
    return state


def files(folder: Path) -> Iterator[Path]:
    """The regular files below `folder`, and what links to one."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def is_of_optimizer(name: str) -> bool:
    return "optimizer" in name or "optim_states" in name or "global_step" in name


def _broken(path: Path, name: str) -> str:
    """Whether a safetensors file is not what its header says, or a torch file lacks its end."""
    if name.endswith(".safetensors"):
        try:
            shapes_in(path)
        except Damaged:
            return f"{name} is cut short, or its header is damaged"
    if name.endswith((".pt", ".pth")) and not _ends_as_zip(path):
        return f"{name} is cut short"
    return ""


def _ends_as_zip(path: Path) -> bool:
    """`zipfile.is_zipfile` opens any file, and waits for a FIFO."""
    with os.fdopen(regular.open_regular(path, follow=True), "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LONGEST_END))
        return END_OF_ZIP in file.read()
