"""Trackers: each shows the numbers of a run in a program that people know."""
