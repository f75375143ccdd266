"""A matrix, as in GitHub Actions: the product of its axes, less what is excluded, and what is included."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from callsheet.config.experiment import MOST_ARMS
from callsheet.errors import CallsheetError, did_you_mean
from callsheet.screen import quoted

WHERE = "experiment.matrix"
EXCLUDE, INCLUDE = f"{WHERE}.exclude", f"{WHERE}.include"
OWN_KEYS = ("exclude", "include")
Cell = dict[str, Any]


def cells_of(matrix: Mapping[str, Any]) -> list[Cell]:
    """The settings of each cell, by axis; raises `CallsheetError` for a matrix that cannot be meant."""
    for key in matrix:
        _refuse_misspelt(key)
    axes = {key: _axis(key, values) for key, values in _axes(matrix).items()}
    excluded, included = _entries(matrix, "exclude"), _entries(matrix, "include")
    _refuse_many(axes, included)
    cells = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())] if axes else []
    left = _without(cells, excluded, axes)
    return _with(left, included, axes)


def _refuse_misspelt(key: str) -> None:
    """Raise `CallsheetError` for `excludes`, which would be an axis."""
    if key not in OWN_KEYS and (near := did_you_mean(key, OWN_KEYS)):
        raise CallsheetError(f"{WHERE}.{key} is no setting that an axis could have.{near}")


def size_of(matrix: Mapping[str, Any]) -> int:
    """How many cells the axes make at most, without making them."""
    axes = [values for values in _axes(matrix).values() if isinstance(values, list)]
    return (math.prod(map(len, axes)) if axes else 0) + len(matrix.get("include") or ())


def _axes(matrix: Mapping[str, Any]) -> Cell:
    return _flat({key: values for key, values in matrix.items() if key not in OWN_KEYS})


def _flat(settings: Mapping[str, Any], above: str = "") -> Cell:
    """With the whole key of each setting: what is typed, as in experiment.matrix.peft.args.r=[8,16], is nested."""
    found: Cell = {}
    for key, value in settings.items():
        path = f"{above}.{key}" if above else str(key)
        found |= _flat(value, path) if isinstance(value, Mapping) and value else {path: value}
    return found


def _axis(key: str, values: Any) -> list[Any]:
    where = f"{WHERE}.{key}"
    if not isinstance(values, list):
        raise CallsheetError(f"{where} is {quoted(values)}: an axis takes a list of values, as in [{values}].")
    if not values:
        raise CallsheetError(f"{where} is empty: an axis takes at least one value.")
    for number, value in enumerate(values):
        if any(same(value, other) for other in values[:number]):
            raise CallsheetError(f"{where} has {quoted(value)} twice.")
    return values


def _entries(matrix: Mapping[str, Any], key: str) -> list[Cell]:
    entries = matrix.get(key)
    if entries is None:
        return []
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) and entry for entry in entries):
        raise CallsheetError(f"{WHERE}.{key} takes a list of mappings, as in [{{peft: lora}}].")
    return [_flat(entry) for entry in entries]


def _refuse_many(axes: Mapping[str, Sequence[Any]], included: Sequence[Cell]) -> None:
    cells = math.prod(map(len, axes.values())) + len(included)
    if cells > MOST_ARMS:
        raise CallsheetError(f"{WHERE} makes {cells:,} arms; {MOST_ARMS:,} are the most. Leave out values or an axis.")


def _without(cells: Sequence[Cell], excluded: Sequence[Cell], axes: Mapping[str, Sequence[Any]]) -> list[Cell]:
    for entry in excluded:
        for key, value in entry.items():
            _require_known(key, value, axes)
        if not any(_matches(cell, entry) for cell in cells):
            raise CallsheetError(f"{EXCLUDE}: {_said(entry)} excludes nothing.")
    left = [cell for cell in cells if not any(_matches(cell, entry) for entry in excluded)]
    if cells and not left:
        raise CallsheetError(f"{EXCLUDE} excludes all {len(cells)} cells of the matrix.")
    return left


def _require_known(key: str, value: Any, axes: Mapping[str, Sequence[Any]]) -> None:
    if key not in axes:
        near = did_you_mean(key, axes)
        raise CallsheetError(f"{EXCLUDE}: {key} is no axis.{near} Axes: {', '.join(axes) or 'none'}.")
    if not any(same(value, known) for known in axes[key]):
        near = did_you_mean(str(value), map(str, axes[key]))
        raise CallsheetError(f"{EXCLUDE}: {key} has no value {quoted(value)}, so that it excludes nothing.{near}")


def _with(cells: Sequence[Cell], included: Sequence[Cell], axes: Mapping[str, Any]) -> list[Cell]:
    """An entry adds its settings to the cells that it agrees with on every axis; if there are none, it is a cell."""
    made, new = [dict(cell) for cell in cells], []
    for entry in included:
        own = {key: value for key, value in entry.items() if key in axes}
        met = [number for number, cell in enumerate(cells) if _matches(cell, own)]
        for number in met:
            made[number] |= entry
        if not met:
            new.append(entry)
    return [*made, *new]


def _matches(cell: Cell, entry: Cell) -> bool:
    return all(key in cell and same(cell[key], value) for key, value in entry.items())


def same(one: Any, other: Any) -> bool:
    """Whether two values of YAML are the same; true is not 1."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _said(entry: Cell) -> str:
    return f"{{{', '.join(f'{key}: {value}' for key, value in entry.items())}}}"
