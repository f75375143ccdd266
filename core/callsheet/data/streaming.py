"""Training rows that are read as training goes on, from files or the Hub: shuffled in a buffer, mixed, without end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from callsheet.config.schema import DatasetSettings, SourceSettings, TrainerSettings
from callsheet.data.columns import check_columns, misfits
from callsheet.data.evaluation import is_evaluation
from callsheet.data.files import is_local
from callsheet.errors import CallsheetError, counted

if TYPE_CHECKING:
    from datasets import IterableDataset  # type: ignore[import-untyped]  # datasets ships no types

BUFFER = 1_000  # rows; the default of `datasets`
SETTING = "dataset.streaming=true"
# Arguments of trainers that need rows by their number, with the values that do not.
BY_NUMBER = {
    "precompute_ref_log_probs": (False,),
    "train_sampling_strategy": ("random", "sequential"),
    "group_by_length": (False,),
}


def problems(
    dataset: DatasetSettings, sources: Mapping[str, SourceSettings], trainer: TrainerSettings
) -> Iterator[str]:
    """Say what a stream of training rows cannot serve."""
    if not dataset.streaming:
        return
    steps = trainer.args.get("max_steps")
    if not isinstance(steps, (int, float)) or steps < 1:
        yield f"{SETTING} needs trainer.args.max_steps: a stream has no end."
    if dataset.test_split_size:
        yield f"{SETTING} cannot hold out dataset.test_split_size, because a stream has no length. Set dataset.eval."
    for name, without in BY_NUMBER.items():
        if trainer.args.get(name, without[0]) not in (*without, None):
            yield f"{SETTING} cannot serve trainer.args.{name}={trainer.args[name]}, which needs all rows at once."
    for where, source in sources.items():
        if not source.split.isidentifier() and not (is_evaluation(where) and is_local(source.path)):
            yield f"{SETTING} reads one whole split, and {where}.split={source.split} is a part or a sum of splits."


def stream(
    sources: Mapping[str, SourceSettings],
    dataset: DatasetSettings,
    read: Callable[[str, SourceSettings], IterableDataset],
) -> IterableDataset:
    """The training rows of `sources`, without end: Trainer then counts one epoch, and resumes at the same row.

    `weight` says how often a row comes from one data set of a mixture, compared with the others.
    """
    from datasets import interleave_datasets

    opened = {where: _opened(source, read(where, source)) for where, source in sources.items()}
    for problem in misfits({where: columns_of(rows) for where, rows in opened.items()} if len(opened) > 1 else {}):
        raise CallsheetError(problem)
    parts = [rows.repeat(None) for rows in opened.values()]
    if len(parts) > 1:
        total = sum(source.weight for source in sources.values())
        shares = [source.weight / total for source in sources.values()]
        try:
            parts = [interleave_datasets(parts, probabilities=shares, seed=dataset.seed)]
        except ValueError as error:
            raise CallsheetError(f"The data sets of dataset.mixture do not fit together: {error}") from error
    size = BUFFER if dataset.shuffle_buffer is None else dataset.shuffle_buffer
    return parts[0].shuffle(seed=dataset.seed, buffer_size=size) if size > 1 else parts[0]


def uneven_share(rows: IterableDataset, processes: int, workers: int) -> str:
    """Say that readers, each of which reads whole files, get different numbers of them; empty if they do not.

    Every process gets as many rows as the others, and so does every worker of one.
    """
    files = rows.num_shards
    each = files // processes if files >= processes else files  # of few files, every process reads all
    readers = min(max(workers, 1), each)
    if (files < processes or files % processes == 0) and each % readers == 0:
        return ""
    who = f"{counted(processes, 'process', 'processes')} with {counted(max(workers, 1), 'reader')} each"
    return (
        f"The stream has {counted(files, 'file')}, which {who} cannot share evenly: each reads files of its own, so "
        "rows of some files come more often than those of others. Bring a number that all readers together divide."
    )


def whole(rows: IterableDataset) -> Any:
    """All rows of a stream as a data set: of an evaluation set on the Hub, without the other splits."""
    from datasets import Dataset

    return Dataset.from_list([*rows], features=rows.features)


def is_stream(rows: Any) -> bool:
    """Whether `rows` are read one after the other and have no length."""
    return not hasattr(rows, "__len__")


def first_rows(rows: Any, count: int) -> list[dict[str, Any]]:
    """The first rows of a data set or a stream, or all if there are fewer."""
    return [*islice(rows, count)]


def columns_of(rows: Any) -> Sequence[str]:
    """The columns of a data set or, by its first row, of a stream."""
    known: Sequence[str] | None = rows.column_names
    return known if known is not None else [*(first_rows(rows, 1) or [{}])[0]]


def mapped(rows: Any, function: Callable[[dict[str, Any]], dict[str, Any]], desc: str, **more: Any) -> Any:
    """`rows.map(function)`, for which a stream takes no description."""
    return rows.map(function, **more) if is_stream(rows) else rows.map(function, desc=desc, **more)


def _opened(source: SourceSettings, rows: IterableDataset) -> IterableDataset:
    if not (found := columns_of(rows)):
        raise CallsheetError(f"Data set '{source.path}' has no rows in split '{source.split}'.")
    check_columns(source, found)
    return rows.select_columns(source.columns) if source.columns else rows
