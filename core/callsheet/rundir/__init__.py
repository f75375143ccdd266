"""The record on disk: the run directory, its checkpoints and hashes, and who may use it again."""
