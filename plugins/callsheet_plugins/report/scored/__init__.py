"""What the scores of runs say: which metrics matter, their lines over steps, and how sure each point is."""
