"""The data of a run: checked without imports, then loaded, mixed and formatted."""

from callsheet.data.columns import missing_columns
from callsheet.data.inspection import inspect
from callsheet.data.loading import load

__all__ = ["inspect", "load", "missing_columns"]
