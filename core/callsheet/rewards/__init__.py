"""Reward functions by name: checked from their source, imported before the model loads, tried out, and guarded."""

from callsheet.rewards.checking import problems
from callsheet.rewards.loading import load
from callsheet.rewards.probing import probe

__all__ = ["load", "probe", "problems"]
