"""Experiments: arms, repeats and stages, workers that claim them, and a verdict that says how sure it is."""
