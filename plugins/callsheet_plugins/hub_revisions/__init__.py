"""Publishes checkpoints as revisions, to the Hub or to a folder."""

from callsheet_plugins.hub_revisions.plugin import HubRevisions

__all__ = ["HubRevisions"]
