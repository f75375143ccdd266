"""Whether a run may begin in a directory that holds one, or from its checkpoint, and what may differ."""
