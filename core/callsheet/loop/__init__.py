"""Inside the training loop: Trainer's events become hooks, and what plugins ask for is done."""

from callsheet.loop.extending import extend

__all__ = ["extend"]
