"""How sections lay out what they show: completions beside each other, times in tables."""
