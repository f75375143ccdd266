"""The plugin `tensorboard`: the run as event files."""

from callsheet_plugins.trackers.tensorboard.plugin import Tensorboard

__all__ = ["Tensorboard"]
