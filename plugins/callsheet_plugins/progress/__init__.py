"""Progress on the screen: a live display on a terminal, lines in a log file."""

from callsheet_plugins.progress.plugin import PrintProgress, Progress

__all__ = ["PrintProgress", "Progress"]
