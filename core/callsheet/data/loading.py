"""The rows of a run: read, mixed by weight, and split into training and evaluation rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.config.schema import DatasetSettings, SourceSettings
from callsheet.data import evaluation, streaming
from callsheet.data.columns import check_columns, misfits
from callsheet.data.failures import explained
from callsheet.data.files import FORMATS, files_of, is_local
from callsheet.data.sources import check_id, contradiction, sources_of, split_of_file, split_problems
from callsheet.errors import CallsheetError

if TYPE_CHECKING:
    from datasets import Dataset, IterableDataset  # type: ignore[import-untyped]  # datasets ships no types


def load(dataset: DatasetSettings) -> tuple[Dataset | IterableDataset, Dataset | dict[str, Dataset] | None]:
    """The training rows, and the evaluation rows if the settings name some or split some off.

    Training rows are a stream if the settings say so. Evaluation sets that have names come in a dictionary.
    """
    if problem := contradiction(dataset):
        raise CallsheetError(problem)
    sources = sources_of(dataset)
    held_out = {
        name: _held_out(evaluation.place(name), source, dataset) for name, source in evaluation.sets_of(dataset).items()
    }
    sources = {where: source for where, source in sources.items() if not evaluation.is_evaluation(where)}
    if dataset.streaming:
        return streaming.stream(sources, dataset, _streamed), evaluation.as_given(held_out)
    read = {where: _read(where, source) for where, source in sources.items()}
    train = _mixed(read, sources, dataset.seed) if dataset.mixture else read["dataset"]
    if dataset.test_split_size:
        return _split(train, dataset)
    return train, evaluation.as_given(held_out)


def _held_out(where: str, source: SourceSettings, dataset: DatasetSettings) -> Dataset:
    """An evaluation set, always whole: every evaluation reads all of it."""
    if not dataset.streaming or is_local(source.path):
        return _read(where, source)
    try:
        found = streaming.whole(_streamed(where, source))
    except CallsheetError:
        raise
    except Exception as error:
        raise explained(source, error) from error
    return _chosen(source, found)


def _streamed(where: str, source: SourceSettings) -> IterableDataset:
    from datasets import load_dataset

    arguments = _arguments(where, source)
    try:
        found = load_dataset(**arguments, split=source.split, streaming=True)
        streaming.first_rows(found, 1)
    except Exception as error:
        raise explained(source, error) from error
    return found


def _read(where: str, source: SourceSettings) -> Dataset:
    from datasets import load_dataset

    arguments = _arguments(where, source)
    try:
        found = load_dataset(**arguments, split=source.split)
    except Exception as error:
        raise explained(source, error) from error
    return _chosen(source, found)


def _chosen(source: SourceSettings, found: Dataset) -> Dataset:
    """`found` with the columns that `source` names; raises `CallsheetError` if there are none, or no rows."""
    check_columns(source, found.column_names)
    if not len(found):
        raise CallsheetError(f"Data set '{source.path}' has no rows in split '{source.split}'.")
    return found.select_columns(source.columns) if source.columns else found


def _arguments(where: str, source: SourceSettings) -> dict[str, Any]:
    """The arguments of `load_dataset` for `source`."""
    if not is_local(source.path):
        check_id(source.path)
        return {"path": source.path, "name": source.name}
    files, at = files_of(source.path), Path(source.path).expanduser()
    if at.is_dir():
        return {"path": str(at.resolve()), "name": source.name}
    return {"path": FORMATS[at.suffix], "data_files": {split_of_file(where, source): str(files[0])}}


def _mixed(read: Mapping[str, Dataset], sources: Mapping[str, SourceSettings], seed: int) -> Dataset:
    """Draw rows from each data set by its weight, as open-r1 does, and shuffle all of them together."""
    from datasets import concatenate_datasets

    for problem in misfits({where: found.column_names for where, found in read.items()}):
        raise CallsheetError(problem)
    drawn = [_drawn(found, sources[where].weight, seed) for where, found in read.items()]
    try:
        mixed = concatenate_datasets(drawn)
    except ValueError as error:
        raise CallsheetError(f"The data sets of dataset.mixture do not fit together: {error}") from error
    if not len(mixed):
        raise CallsheetError("The weights of dataset.mixture are so small that no rows are left.")
    return mixed.shuffle(seed=seed)


def _drawn(found: Dataset, weight: float, seed: int) -> Dataset:
    return found.shuffle(seed=seed).select(range(int(len(found) * weight))) if weight < 1 else found


def _split(train: Dataset, dataset: DatasetSettings) -> tuple[Dataset, Dataset]:
    for problem in split_problems(dataset, len(train)):
        raise CallsheetError(problem)
    size = dataset.test_split_size or 0
    parts = train.train_test_split(test_size=size if size < 1 else int(size), seed=dataset.seed)
    return parts["train"], parts["test"]
