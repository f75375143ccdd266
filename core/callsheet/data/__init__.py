"""The data of a run: checked without imports, then loaded, mixed and formatted."""

from callsheet.data.columns import missing_columns
from callsheet.data.evaluation import metric_problems
from callsheet.data.inspection import inspect
from callsheet.data.loading import load
from callsheet.data.ordering import missing_lengths
from callsheet.data.streaming import columns_of, first_rows, is_stream, uneven_share

__all__ = [
    "columns_of",
    "first_rows",
    "inspect",
    "is_stream",
    "load",
    "metric_problems",
    "missing_columns",
    "missing_lengths",
    "uneven_share",
]
