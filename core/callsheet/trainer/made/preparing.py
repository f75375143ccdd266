"""A look into the preparation of data by a trainer of TRL, while it builds itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from callsheet.data import first_rows, is_stream
from callsheet.privates.trl import prepares_data

SAMPLE = 1_000  # rows of a stream
Look = Callable[[str, Any, Any], None]


def watched(trainer_class: type[Any], look: Look) -> type[Any]:
    """A subclass of `trainer_class` that calls `look(name, rows, prepared)` for each data set that it prepares.

    What follows in the constructor fails over an empty data set, with errors that do not say so; and a stream of which
    nothing is left would be read for ever. Of a stream, the first `SAMPLE` rows are prepared and looked at: `rows` and
    `prepared` are lists then. `name` is "train", "eval", or the name of one of several evaluation sets. A class that
    prepares nothing is returned as it is.
    """
    if not prepares_data(trainer_class):
        return trainer_class

    class Watched(trainer_class):  # type: ignore[misc]  # known at run time only
        def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
            name = str(kwargs.get("dataset_name", args[-1] if args else ""))
            if is_stream(dataset):
                sample = super()._prepare_dataset(dataset.take(SAMPLE), *args, **kwargs)
                look(name, first_rows(dataset, SAMPLE), [*sample])
            prepared = super()._prepare_dataset(dataset, *args, **kwargs)
            if not is_stream(dataset):
                look(name, dataset, prepared)
            return prepared

    for name in ("__name__", "__module__", "__qualname__", "__doc__"):  # TRL writes the name into model cards
        setattr(Watched, name, getattr(trainer_class, name))
    return Watched
