"""Runs at a glance, for the terminal: what can be known of a thousand runs in a second, without numpy and pyarrow."""
