"""The commands that the report adds to `callsheet`."""
