"""A look into the preparation of data by a trainer of TRL, while it builds itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from callsheet.privates.trl import prepares_data

Look = Callable[[Any, Any, str], None]


def watched(trainer_class: type[Any], look: Look) -> type[Any]:
    """A subclass of `trainer_class` that calls `look(rows, prepared, name)` for each data set that it prepares.

    What follows in the constructor fails over an empty data set, with errors that do not say so. A class that prepares
    nothing is returned as it is. `name` is "train", "eval", or the name of one of several evaluation sets.
    """
    if not prepares_data(trainer_class):
        return trainer_class

    class Watched(trainer_class):  # type: ignore[misc]  # known at run time only
        def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
            prepared = super()._prepare_dataset(dataset, *args, **kwargs)
            look(dataset, prepared, str(kwargs.get("dataset_name", args[-1] if args else "")))
            return prepared

    for name in ("__name__", "__module__", "__qualname__", "__doc__"):  # TRL writes the name into model cards
        setattr(Watched, name, getattr(trainer_class, name))
    return Watched
