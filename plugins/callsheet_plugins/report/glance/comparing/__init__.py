"""Runs side by side: settings, metrics, scores, and the answers that flipped."""
