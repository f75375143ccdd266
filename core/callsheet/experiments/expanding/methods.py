"""What is compared: the arms that a file lists, the cells of its matrix, or both in each combination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from callsheet.config.experiment import ExperimentSettings
from callsheet.errors import CallsheetError, did_you_mean
from callsheet.experiments.expanding.forms import override_of, overrides_of, refuse_own
from callsheet.experiments.expanding.matrix import WHERE as MATRIX
from callsheet.experiments.expanding.matrix import Cell, cells_of
from callsheet.experiments.expanding.naming import names_of_cells, refuse_twins, require_folder
from callsheet.screen import quoted

ARMS = "experiment.arms"
OWN_KEYS = ("overrides", "weights")
ALONE = "run"  # the method of a file that lists none, and repeats


@dataclass(frozen=True)
class Method:
    """An arm before it is repeated: a name, the overrides that make it, and which of its weights are compared."""

    name: str
    overrides: tuple[str, ...] = ()
    weights: str | None = None


def methods_of(settings: ExperimentSettings) -> list[Method]:
    """In the order of the file; none if it lists no arm and has no matrix."""
    listed = [_method(str(name), written) for name, written in settings.arms.items()]
    refuse_twins([method.name for method in listed], ARMS)
    cells = cells_of(settings.matrix)
    in_cells = [
        Method(require_folder(name, MATRIX), _of_cell(cell, MATRIX))
        for name, cell in zip(names_of_cells(cells), cells, strict=True)
    ]
    return [_both(method, cell) for method in listed for cell in in_cells] if listed and in_cells else listed + in_cells


def _method(name: str, written: Any) -> Method:
    where = f"{ARMS}.{name}"
    require_folder(name, ARMS)
    if isinstance(written, Mapping) and {*OWN_KEYS} & {*written}:
        return Method(name, overrides_of(written.get("overrides"), where), _weights(written, where))
    return Method(name, overrides_of(written, where))


def _weights(written: Mapping[str, Any], where: str) -> str | None:
    for key in written:
        if key not in OWN_KEYS:
            near = did_you_mean(str(key), OWN_KEYS)
            raise CallsheetError(
                f"{where} has overrides, weights, or both, and no {quoted(str(key))}.{near} Settings go in overrides."
            )
    weights = written.get("weights")
    if weights is not None and (not isinstance(weights, str) or not weights.strip()):
        raise CallsheetError(f"{where}.weights is {quoted(weights)}: name the weights to compare, as in raw or bema.")
    return weights


def _of_cell(cell: Cell, where: str) -> tuple[str, ...]:
    found = tuple(filter(None, (override_of(key, value) for key, value in cell.items())))
    refuse_own(found, where)
    return found


def _both(method: Method, cell: Method) -> Method:
    return Method(f"{method.name}-{cell.name}", method.overrides + cell.overrides, method.weights)
