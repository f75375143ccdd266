"""What the system refuses: read out of an error, asked of the disk and of the modes, and said in a sentence."""
