"""Runs summed up: what a reader sees first."""
