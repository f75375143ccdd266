"""Scores of published checkpoints, from engines of their own, here or on a cluster."""

from callsheet_plugins.benchmarks.plugin import Benchmarks

__all__ = ["Benchmarks"]
