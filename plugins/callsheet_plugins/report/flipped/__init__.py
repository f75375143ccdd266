"""What single prompts were answered at several checkpoints, and which answers flipped between any two of them."""
