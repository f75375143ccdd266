"""Jobs on this machine: slots, GPUs and processes."""
