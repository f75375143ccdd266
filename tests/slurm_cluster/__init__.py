"""A real Slurm of one node, for the tests: munged, slurmctld and slurmd on loopback, with GPUs that do not exist."""

from .cluster import Cluster, missing

__all__ = ["Cluster", "missing"]
