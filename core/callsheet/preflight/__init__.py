"""Checks for mistakes that can be found before anything is loaded."""
