"""Progress on the screen: a bar on a terminal, a line now and then in a log file."""

from callsheet_plugins.print_progress.plugin import PrintProgress

__all__ = ["PrintProgress"]
