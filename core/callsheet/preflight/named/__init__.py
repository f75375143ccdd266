"""Checks of the files and folders that a configuration names."""
