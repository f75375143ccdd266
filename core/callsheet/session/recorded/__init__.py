"""What a run directory says of its arm, read back: scores, final metrics, and how the run ended."""
