"""When something of a run happened: its attempts, and how its checkpoints went out of the machine."""
