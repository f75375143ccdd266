"""A Slurm of several nodes on this machine, each with a name, an address and mounts of its own."""

from __future__ import annotations

from .cluster import Cluster
from .network import HEAD, Network
from .network import missing as missing_network

__all__ = ["Nodes", "missing_network"]


class Nodes(Cluster):
    """Nodes n1 to n4, and a head that has the controller; whoever asks Slurm for anything does so from there."""

    head = HEAD
    names = ("n1", "n2", "n3", "n4")
    addresses = "n1,n2,n3,n4"

    def __init__(self) -> None:
        super().__init__()
        self.network = Network(self.folder, self.names)

    def start(self) -> None:
        self.network.start()
        super().start()

    def stop(self) -> None:
        super().stop()
        self.network.stop()

    def _inside(self, name: str = HEAD) -> tuple[str, ...]:
        return self.network.inside(name)
