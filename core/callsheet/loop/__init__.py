"""Inside the training loop: the Trainer's events become hooks, and the requests of plugins are carried out."""

from callsheet.loop.extending import extend

__all__ = ["extend"]
