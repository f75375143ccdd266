"""The data of a run: what is wrong with it, as far as can be known without imports, and how it is loaded."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.datafiles import FORMATS, Contents, files_of, is_local, look
from callsheet.errors import CallsheetError, did_you_mean
from callsheet.schema import DatasetSettings, SourceSettings

if TYPE_CHECKING:
    from datasets import Dataset  # type: ignore[import-untyped]  # datasets ships no types

HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
SPLIT = re.compile(r"(\w+)(\[[^]]*\])?")
EVAL = "dataset.eval"


def inspect(dataset: DatasetSettings, wanted: Sequence[str], text_field: str = "text") -> list[str]:
    """Say what is wrong with the files of `dataset`, without `datasets`; data on the Hub is not looked at.

    `wanted` lists what the trainer can use, one of which the data must bring, as in
    `["messages", "prompt+completion", "text"]`; `text` stands for the column that `text_field` names.
    """
    if problem := _contradiction(dataset):
        return [problem]
    problems: list[str] = []
    seen: dict[str, Contents] = {}
    for where, source in _sources(dataset).items():
        try:
            seen[where] = _checked(where, source)
            problems += missing_columns(seen[where].columns, wanted, text_field, source.path)
        except CallsheetError as error:
            problems.append(str(error))
    drawn = {where: found for where, found in seen.items() if where != EVAL}
    problems += _misfits({where: found.columns for where, found in drawn.items() if found.columns})
    rows = [found.rows for found in drawn.values() if found.rows is not None]
    if len(rows) == len(dataset.mixture or [dataset]):
        problems += _split_problems(dataset, sum(rows))
    return problems


def missing_columns(columns: Sequence[str] | None, wanted: Sequence[str], text_field: str, path: str) -> list[str]:
    """What to say when `columns` bring none of the entries of `wanted`; None stands for columns not known yet."""
    entries = [text_field if entry == "text" else entry for entry in wanted]
    if columns is None or not entries or any(set(entry.split("+")) <= set(columns) for entry in entries):
        return []
    lacking = [name for entry in entries for name in entry.split("+") if name not in columns]
    near = ((column, did_you_mean(column, lacking)) for column in columns)
    hint = next((f"{guess[:-1]} by {column!r}?" for column, guess in near if guess), "")
    return [f"Data set '{path}' has the columns {', '.join(columns)}; the trainer needs {', or '.join(entries)}.{hint}"]


def load(dataset: DatasetSettings) -> tuple[Dataset, Dataset | None]:
    """The rows to train on and, where the settings name or split off any, those to evaluate on."""
    if problem := _contradiction(dataset):
        raise CallsheetError(problem)
    sources = _sources(dataset)
    read = {where: _read(where, source) for where, source in sources.items()}
    evaluation = read.pop(EVAL, None)
    train = _mixed(read, sources, dataset.seed) if dataset.mixture else read["dataset"]
    return _split(train, dataset) if dataset.test_split_size else (train, evaluation)


def _contradiction(dataset: DatasetSettings) -> str:
    if dataset.path and dataset.mixture:
        return "dataset.path and dataset.mixture are both set; name one data set or a mixture of several."
    if not dataset.path and not dataset.mixture:
        return "No data to train on: set dataset.path, or dataset.mixture for several data sets."
    if dataset.eval_path and dataset.test_split_size:
        return "dataset.eval_path and dataset.test_split_size are both set; evaluate on one of them."
    return ""


def _sources(dataset: DatasetSettings) -> dict[str, SourceSettings]:
    """Every data set of the run by its place in the configuration."""
    found: dict[str, SourceSettings] = {}
    if dataset.path:
        found["dataset"] = SourceSettings(dataset.path, dataset.name, dataset.split, dataset.columns)
    for number, source in enumerate(dataset.mixture):
        found[f"dataset.mixture[{number}]"] = replace(source, columns=source.columns or dataset.columns)
    if dataset.eval_path:
        found[EVAL] = SourceSettings(dataset.eval_path, None, dataset.eval_split, dataset.columns)
    return found


def _checked(where: str, source: SourceSettings) -> Contents:
    """What `source` brings of the file at its path; raises `CallsheetError` when it cannot."""
    if not is_local(source.path):
        _check_id(source.path)
        return Contents(source.columns, None)
    found = look(source.path)
    if Path(source.path).expanduser().is_file():
        _split_of_file(where, source)
    if source.columns and found.columns is not None:
        _check_columns(source, found.columns)
    rows = None if found.rows is None or "[" in source.split else int(found.rows * source.weight)
    return Contents(source.columns or found.columns, rows)


def _check_id(path: str) -> None:
    if not HUB_ID.fullmatch(path):
        raise CallsheetError(f"There is no file or folder '{path}' here, and no id on the Hub looks like this.")


def _split_of_file(where: str, source: SourceSettings) -> str:
    """The name by which the only split of a file is asked for."""
    names = {name for name, _ in SPLIT.findall(source.split)}
    if len(names) == 1 and (where == EVAL or names == {"train"}):
        return names.pop()
    raise CallsheetError(f"The file '{source.path}' has only the split 'train', and {where}.split={source.split}.")


def _check_columns(source: SourceSettings, columns: Sequence[str]) -> None:
    for name in source.columns or []:
        if name not in columns:
            near = did_you_mean(name, columns)
            raise CallsheetError(
                f"Data set '{source.path}' has no column {name!r}.{near} It has: {', '.join(columns)}."
            )


def _misfits(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """What to say of mixed data sets whose columns differ: `datasets` would fill the gaps with None."""
    (first, expected), *others = columns.items() or [("", [])]
    return [
        f"{first} has the columns {', '.join(expected)}, but {where} has {', '.join(found)}. "
        "Data sets of a mixture need the same columns; choose them with `columns`."
        for where, found in others
        if set(found) != set(expected)
    ]


def _split_problems(dataset: DatasetSettings, rows: int) -> list[str]:
    size = dataset.test_split_size
    if not rows:
        return ["No rows are left to train on: the weights of dataset.mixture are too small for its data sets."]
    if size is None:
        return []
    if size >= 1 and size != int(size):
        return [f"dataset.test_split_size is {size}: a share lies below 1, and a number of rows is whole."]
    held_out = int(size) if size >= 1 else math.ceil(size * rows)
    if held_out < rows:
        return []
    return [f"dataset.test_split_size={size:g} holds out {held_out} of {rows} rows and leaves none to train on."]


def _read(where: str, source: SourceSettings) -> Dataset:
    from datasets import load_dataset

    arguments = _arguments(where, source)
    try:
        found = load_dataset(**arguments, split=source.split)
    except Exception as error:
        raise CallsheetError(_culprit(source) or _failure(source, error)) from error
    _check_columns(source, found.column_names)
    if not len(found):
        raise CallsheetError(f"Data set '{source.path}' has no rows in split '{source.split}'.")
    return found.select_columns(source.columns) if source.columns else found


def _arguments(where: str, source: SourceSettings) -> dict[str, Any]:
    """How `load_dataset` is asked for `source`."""
    if not is_local(source.path):
        _check_id(source.path)
        return {"path": source.path, "name": source.name}
    files, at = files_of(source.path), Path(source.path).expanduser()
    if at.is_dir():
        return {"path": str(at.resolve()), "name": source.name}
    return {"path": FORMATS[at.suffix], "data_files": {_split_of_file(where, source): str(files[0])}}


def _mixed(read: Mapping[str, Dataset], sources: Mapping[str, SourceSettings], seed: int) -> Dataset:
    """Draw from each data set by its weight, as open-r1 does, and shuffle them together."""
    from datasets import concatenate_datasets

    for problem in _misfits({where: found.column_names for where, found in read.items()}):
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
    for problem in _split_problems(dataset, len(train)):
        raise CallsheetError(problem)
    size = dataset.test_split_size or 0
    parts = train.train_test_split(test_size=size if size < 1 else int(size), seed=dataset.seed)
    return parts["train"], parts["test"]


def _culprit(source: SourceSettings) -> str:
    """The line that is wrong, wherever it stands in a file on this machine, or an empty string."""
    try:
        if is_local(source.path):
            look(source.path, quick=False)
    except CallsheetError as found:
        return str(found)
    return ""


def _failure(source: SourceSettings, error: Exception) -> str:
    """What `error` of `datasets` means, and what to do; its texts tell apart what its types do not."""
    said, what = f"{error.__cause__ or error}", f"Data set '{source.path}'"
    if found := re.search(r"Unknown split .* one of (\[.*\])", said):
        return f"{what} has no split '{source.split}'.{_choices(source.split, found[1])}"
    if found := re.search(r"BuilderConfig .* not found. Available: (\[.*\])", said):
        return f"{what} has no configuration '{source.name}'.{_choices(source.name or '', found[1])}"
    if found := re.search(r"Config name is missing(?s:.*)available configs: (\[.*\])", said):
        return f"{what} has several configurations; choose one with `name`.{_choices('', found[1])}"
    if "gated" in said:
        return f"{what} is gated: accept its terms at https://huggingface.co/datasets/{source.path} and set HF_TOKEN."
    if type(error).__name__ == "DatasetNotFoundError":
        return (
            f"{what} does not exist on the Hub, or is private and HF_TOKEN does not open it. "
            "If a file is meant, there is none here; a path starts with './'."
        )
    if isinstance(error, ConnectionError):
        return f"{what} cannot be had: the Hub is out of reach or HF_HUB_OFFLINE is set. Give a local file, or connect."
    return f"{what} could not be read: {(said or type(error).__name__).splitlines()[0]}"


def _choices(word: str, listed: str) -> str:
    names = re.findall(r"'([^']*)'", listed)
    return f"{did_you_mean(word, names)} It has: {', '.join(names)}."
