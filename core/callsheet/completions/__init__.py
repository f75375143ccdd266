"""Completions of the model in the loop: what a row of them is, and the files that keep them."""
