"""Publishes checkpoints as revisions, on the Hub or in a folder."""

from callsheet_plugins.hub_revisions.plugin import HubRevisions

__all__ = ["HubRevisions"]
