"""Completions as traces and evaluations of W&B Weave."""

from callsheet_plugins.trackers.weave.plugin import Weave as Weave
