"""BEMA: a moving average of the weights, with a correction of its bias."""

from callsheet_plugins.bema.plugin import Bema

__all__ = ["Bema"]
