"""Reward functions by name: checked in their source, imported, called once before the model loads, and guarded."""

from callsheet.rewards.checking import problems
from callsheet.rewards.columns import distinct, numbered
from callsheet.rewards.loading import load
from callsheet.rewards.probing import probe

__all__ = ["distinct", "load", "numbered", "probe", "problems"]
