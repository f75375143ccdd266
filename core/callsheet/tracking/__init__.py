"""What a tracker plugin is made of: it follows the run directory, in a process of its own, and sends what is new."""

from callsheet.tracking.names import Names
from callsheet.tracking.records import Point, Rows, TrackedRun
from callsheet.tracking.sink import Sink
from callsheet.tracking.tracker import Tracker

__all__ = ["Names", "Point", "Rows", "Sink", "TrackedRun", "Tracker"]
