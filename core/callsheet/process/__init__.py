"""The current process: its signals, log lines, warnings, garbage collector and exit."""
