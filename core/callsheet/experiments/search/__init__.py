"""Arms that Optuna searches or stops early: its study lies in the experiment's directory, as `search.log`."""

from callsheet.experiments.search.checking import check, examples
from callsheet.experiments.search.halving import overrides
from callsheet.experiments.search.trials import create, settle, tell, try_again

__all__ = ["check", "create", "examples", "overrides", "settle", "tell", "try_again"]
