"""How rows fill batches, and what is left over where a loader drops a batch that is not full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from callsheet.data import ordering
from callsheet.errors import CallsheetError, counted

DROPPED = "trainer.args.dataloader_drop_last=true drops a batch that is not full"


def require_batch(trainer: Any, loader: Any, rows: int) -> None:
    """Raise `CallsheetError` if `loader`, the one that training reads, gives no batch of its `rows`."""
    if _length(loader) != 0:
        return
    if prompts := _prompts(trainer.args):
        completions = counted(trainer.args.generation_batch_size, "completion")
        raise CallsheetError(
            f"No step can be taken: {_rows(rows, 'are')} fewer than the {prompts} prompts of one generation batch, and "
            "TRL drops a batch that is not full. Bring more rows, or lower trainer.args.generation_batch_size "
            f"({completions}, {trainer.args.num_generations} for each prompt)."
        )
    raise CallsheetError(
        f"No step can be taken: {_rows(rows, 'do')} not fill {_batch(trainer, 'train')}, and {DROPPED}. Bring more "
        "rows, lower trainer.args.per_device_train_batch_size, or leave dataloader_drop_last out."
    )


@contextmanager
def lengths_known(trainer: Any) -> Iterator[None]:
    """Raise `CallsheetError` where a trainer of any class cannot order its rows by lengths; each rank finds it."""
    try:
        yield
    except ValueError as error:
        if not (said := ordering.unknown_lengths(trainer.args, type(trainer).__name__, error)):
            raise
        refusal = CallsheetError(said)
        refusal.is_echo = trainer.args.process_index != 0
        raise refusal from error


def left_over(trainer: Any, rows: int) -> int:
    """How many of `rows` each epoch leaves out."""
    if prompts := _prompts(trainer.args):
        return rows % prompts
    return rows % _size(trainer, "train") if trainer.args.dataloader_drop_last else 0


def not_evaluated(trainer: Any, name: str, rows: int) -> Iterator[str]:
    """Say how many rows are never evaluated; raises `CallsheetError` if none ever is."""
    if not trainer.args.dataloader_drop_last:
        return
    size, rows = _size(trainer, "eval"), rows * int(getattr(trainer, "num_generations_eval", None) or 1)
    if rows < size:
        raise CallsheetError(
            f"{name}: nothing can be evaluated. {_rows(rows, 'do')} not fill {_batch(trainer, 'eval')}, and {DROPPED}. "
            "Lower trainer.args.per_device_eval_batch_size, or leave dataloader_drop_last out."
        )
    if over := rows % size:
        are = "is" if over == 1 else "are"
        yield f"{name}: {over} of {counted(rows, 'row')} {are} never evaluated, because {DROPPED}."


def require_steps(args: Any, max_steps: int) -> None:
    """Raise `CallsheetError` if a trainer that has batches is to take none of them."""
    if max_steps < 1:
        raise CallsheetError(
            f"No step can be taken: trainer.args.num_train_epochs is {args.num_train_epochs:g}. Set it to more, or set "
            "trainer.args.max_steps."
        )


def took_no_step(trainer: Any) -> None:
    """Raise `CallsheetError` if training ended before its first step, as it does where a stream has no rows."""
    if not trainer.state.global_step:
        raise CallsheetError("Training ended before its first step: the data gave no batch to learn from.")


def _rows(number: int, verb: str) -> str:
    """A number of rows with the verb that goes with it."""
    return f"{counted(number, 'row')} {({'are': 'is', 'do': 'does'}[verb]) if number == 1 else verb}"


def _batch(trainer: Any, kind: str) -> str:
    each, processes = _each(trainer, kind), trainer.args.world_size
    size = _size(trainer, kind)
    return f"one batch of {size}" + (f" ({each} on each of {processes} processes)" if size != each else "")


def _size(trainer: Any, kind: str) -> int:
    """The rows that all processes together read at a time."""
    config = getattr(trainer.args, "accelerator_config", None)
    return _each(trainer, kind) * (1 if getattr(config, "split_batches", False) else trainer.args.world_size)


def _each(trainer: Any, kind: str) -> int:
    return int(trainer.args.train_batch_size if kind == "train" else trainer.args.eval_batch_size)


def _prompts(args: Any) -> int:
    """How many prompts a trainer that generates takes at a time; 0 for one that does not."""
    if getattr(args, "generation_batch_size", None) and getattr(args, "num_generations", None):
        return int(args.generation_batch_size // args.num_generations)
    return 0


def _length(loader: Any) -> int | None:
    try:
        return len(loader)
    except TypeError:
        return None
