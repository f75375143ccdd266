"""Which completions of runs a page carries, and how they stand beside each other."""
