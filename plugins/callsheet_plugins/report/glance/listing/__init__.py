"""Runs in a table, with a line for each."""
