"""The data of a run: what is wrong with it, as far as can be known without imports, and how it is loaded."""

from callsheet.data.columns import missing_columns
from callsheet.data.inspection import inspect
from callsheet.data.loading import load

__all__ = ["inspect", "load", "missing_columns"]
