"""What a trainer keeps in memory alone from one step to the next, saved into every checkpoint and restored from it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from callsheet.disk.inside import Inside
from callsheet.loop.resuming import callback_states, reference
from callsheet.loop.resuming.batches import Batches
from callsheet.loop.resuming.epochs import EpochStart, start_workers
from callsheet.loop.resuming.evaluations import Evaluations
from callsheet.loop.resuming.last_step import LastStep
from callsheet.loop.resuming.plain import CannotSave, mapped, plain
from callsheet.privates import transformers, trl

logger = logging.getLogger("callsheet")

FOLDER = Path("callsheet/_trainer")


class Memory:
    """The memory of one trainer, on each rank its own part."""

    def __init__(self) -> None:
        self.epochs = EpochStart()
        self.batches = Batches()
        self.evaluations = Evaluations()
        self.last_step = LastStep()
        self._left_out: set[str] = set()
        self._must_align = False
        self._has_ended = False  # the epoch
        self._owed: int | None = None  # the epoch whose end was not reached before the run was resumed

    def save(self, trainer: Any, folder: Path) -> None:
        """Write it into the checkpoint in `folder`; every rank calls this."""
        if trainer.args.save_only_model:
            return
        place = Inside(folder.parent).make(folder / FOLDER)
        parts = {**trl.inner_state(trainer), "loss": transformers.loss_since_log(trainer)}
        content = {
            "world_size": trainer.args.world_size,
            "epoch": self.epochs.content(),
            "next batch": self.batches.content(),
            "evaluations": self.evaluations.content(),
            "last step": self.last_step.content(),
            "has ended": self._has_ended,
            "parts": {name: kept for name, part in parts.items() if (kept := self._plain(name, part)) is not None},
        }
        torch.save(content, _file(place, trainer.args.process_index))
        reference.save(trainer, place)

    def restore(self, trainer: Any, folder: Path, *, branches: bool) -> list[str]:
        """Restore it from the checkpoint in `folder`, and say what could not be; every rank calls this.

        A branch may train in other cycles, so it begins with a new one.
        """
        place, cycle = folder / FOLDER, trl.cycle(trainer)
        file = next(filter(Path.is_file, (_file(place, rank) for rank in (trainer.args.process_index, 0))), None)
        if file is None:
            self._must_align = True
            return [_nothing_of(trainer, folder)] if cycle > 1 or reference.is_synced(trainer) else []
        content = torch.load(file, weights_only=True)
        missing = f"{folder.name} holds no reference model: the run compares with its first one again."
        found = [] if reference.restore(trainer, place) else [missing]
        if branches:
            self._must_align = True
            return found
        callback_states.restore(trainer)
        same_ranks = content["world_size"] == trainer.args.world_size
        parts = mapped(content["parts"], lambda tensor: tensor.to(trainer.accelerator.device))
        if same_ranks:
            self.epochs.restore_later(content["epoch"])
            self.batches.restore_later(content["next batch"])
            self.evaluations.restore_later(content["evaluations"])
            self.last_step.restore(content["last step"])
            self._owed = content["epoch"]["epoch"] if content["epoch"] and not content["has ended"] else None
        else:
            parts.pop(trl.BUFFERED, None)
            self._must_align = True
        trl.set_inner_state(trainer, parts)
        transformers.set_loss_since_log(trainer, parts.get("loss"))
        if same_ranks and trl.wants_buffer(trainer) and not trl.has_buffer(trainer):
            found.append(
                f"{folder.name} does not hold what {type(trainer).__name__} had generated, so it does so anew."
            )
        return found

    def epoch_begins(self, trainer: Any, given: Mapping[str, Any]) -> None:
        """The loop over an epoch begins; `given` are the arguments of `Trainer._run_epoch`, which it passes by name."""
        if not {"epoch", "train_dataloader", "epochs_trained", "steps_trained_in_current_epoch"} <= given.keys():
            return  # a trainer with a loop of its own
        loader, epoch, start = given["train_dataloader"], given["epoch"], given.get("resume_from_checkpoint")
        done = given["steps_trained_in_current_epoch"] if epoch == given["epochs_trained"] else 0

        def load_numbers() -> None:
            transformers.load_random_numbers(trainer, start)

        if self._must_align:
            trl.align(trainer, done)
            self._must_align = False
        if self._owed == epoch - 1:
            load_numbers()
            self.batches.are_restored = True
            transformers.end_epoch(trainer, self.last_step.content(), given)
        self._owed, self._has_ended = None, False
        if epoch > 0:
            start_workers(loader)
        self.epochs.begin(loader, epoch)
        self.batches.begin(loader, load_numbers, is_inside=done > 0)

    def epoch_ends(self) -> None:
        """The last step of an epoch is done and saved, and what is due at its end comes next."""
        self._has_ended = True

    def _plain(self, name: str, part: Any) -> Any:
        try:
            return plain(part)
        except CannotSave as error:
            if name not in self._left_out:
                self._left_out.add(name)
                said = "Checkpoints cannot hold the trainer's %s, because it has values of the type %s."
                logger.warning(said, name, error)
            return None


def _nothing_of(trainer: Any, folder: Path) -> str:
    return (
        f"{folder.name} does not hold what {type(trainer).__name__} had in memory, because an earlier Callsheet or a "
        "plain Trainer saved it: the run goes on otherwise than one that was never interrupted."
    )


def _file(folder: Path, rank: int) -> Path:
    return folder / f"state-{rank:05d}.pt"
