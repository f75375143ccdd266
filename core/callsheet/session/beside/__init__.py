"""What plugins write beside training, and the checkpoint that waits for it."""
