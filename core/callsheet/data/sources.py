"""The data sets that a configuration names, and the settings that exclude each other."""

from __future__ import annotations

import math
import re
from dataclasses import replace

from callsheet.config.schema import DatasetSettings, SourceSettings
from callsheet.data import evaluation
from callsheet.errors import CallsheetError, counted

HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
SPLIT = re.compile(r"(\w+)(\[[^]]*\])?")


def contradiction(dataset: DatasetSettings) -> str:
    """The settings that exclude each other, in a sentence, or an empty string."""
    if dataset.path and dataset.mixture:
        return "dataset.path and dataset.mixture are both set; name one data set or a mixture of several."
    if not dataset.path and not dataset.mixture:
        return "No data to train on: set dataset.path, or dataset.mixture for several data sets."
    named = {"dataset.eval_path": dataset.eval_path, "dataset.test_split_size": dataset.test_split_size}
    both = [name for name, value in {**named, evaluation.WHERE: dataset.eval}.items() if value]
    if len(both) > 1:
        return f"{' and '.join(both)} are both set; evaluate on one of them."
    return ""


def sources_of(dataset: DatasetSettings) -> dict[str, SourceSettings]:
    """Every data set of the run, keyed by its place in the configuration."""
    found: dict[str, SourceSettings] = {}
    if dataset.path:
        found["dataset"] = SourceSettings(dataset.path, dataset.name, dataset.split, dataset.columns)
    for number, source in enumerate(dataset.mixture):
        found[f"dataset.mixture[{number}]"] = replace(source, columns=source.columns or dataset.columns)
    return found | {evaluation.place(name): source for name, source in evaluation.sets_of(dataset).items()}


def check_id(path: str) -> None:
    """Raise `CallsheetError` if `path`, which is no local file, cannot be an id on the Hub."""
    if not HUB_ID.fullmatch(path):
        raise CallsheetError(f"There is no file or folder '{path}' here, and it cannot be an id on the Hub.")


def split_of_file(where: str, source: SourceSettings) -> str:
    """The name to give to the only split of a file; raises `CallsheetError` if `source` names another one."""
    names = {name for name, _ in SPLIT.findall(source.split)}
    if len(names) == 1 and (evaluation.is_evaluation(where) or names == {"train"}):
        return names.pop()
    raise CallsheetError(f"The file '{source.path}' has only the split 'train', and {where}.split={source.split}.")


def split_problems(dataset: DatasetSettings, rows: int) -> list[str]:
    """Problems if `rows` cannot be split as `dataset` says."""
    size = dataset.test_split_size
    if not rows:
        return ["No rows are left to train on: the weights of dataset.mixture are too small for its data sets."]
    if size is None:
        return []
    if size >= 1 and size != int(size):
        return [f"dataset.test_split_size is {size}: a share is below 1, and a number of rows is a whole number."]
    held_out = int(size) if size >= 1 else math.ceil(size * rows)
    if held_out < rows:
        return []
    return [
        f"dataset.test_split_size={size:g} holds out {held_out} of {counted(rows, 'row')} and leaves none to train on."
    ]
