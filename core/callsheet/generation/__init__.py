"""Greedy generation from a model, in the loop under every engine or in a process of its own."""
