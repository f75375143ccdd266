"""The plugin `wandb`: the run at Weights & Biases."""

from callsheet_plugins.trackers.wandb.plugin import Wandb

__all__ = ["Wandb"]
