"""Comet, online or as an archive to upload later."""

from callsheet_plugins.trackers.comet.plugin import Comet as Comet
