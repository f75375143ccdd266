"""Averaged weights: BEMA, a moving average of the weights that corrects its own bias."""

from callsheet_plugins.bema.plugin import Bema

__all__ = ["Bema"]
