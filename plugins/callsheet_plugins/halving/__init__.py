"""Stops an arm early that lags behind the others of its experiment, by Optuna's successive halving."""

from callsheet_plugins.halving.plugin import Halving

__all__ = ["Halving"]
