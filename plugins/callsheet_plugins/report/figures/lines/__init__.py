"""What the charts of metrics show: which lines, on which steps, and how they travel."""
