"""A small Hub for tests: enough of its HTTP interface for an unmodified huggingface_hub, with faults on demand."""

from .faults import Fault
from .server import HubServer

__all__ = ["Fault", "HubServer"]
