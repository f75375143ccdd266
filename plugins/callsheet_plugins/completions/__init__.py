"""What the model says on the way: completions of the evaluation set, and rollouts, written where a run keeps them."""

from callsheet_plugins.completions.plugin import Completions

__all__ = ["Completions"]
