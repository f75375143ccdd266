"""Scores of published checkpoints, from engines of their own, here or on a cluster."""
