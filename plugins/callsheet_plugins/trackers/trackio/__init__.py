"""Follow a run with Trackio: locally, in a Space, or on a server of one's own."""

from callsheet_plugins.trackers.trackio.plugin import Trackio

__all__ = ["Trackio"]
