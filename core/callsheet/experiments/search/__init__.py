"""Arms that Optuna searches or stops early: its study lies in the experiment's directory, as `search.log`."""

from callsheet.experiments.search.checking import check, examples
from callsheet.experiments.search.halving import overrides
from callsheet.experiments.search.settings import is_used
from callsheet.experiments.search.trials import create, tell, try_again, values

__all__ = ["check", "create", "examples", "is_used", "overrides", "tell", "try_again", "values"]
