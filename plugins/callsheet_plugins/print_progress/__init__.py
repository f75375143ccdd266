"""Progress on the screen: a bar on a terminal, lines in a log file."""

from callsheet_plugins.print_progress.plugin import PrintProgress

__all__ = ["PrintProgress"]
