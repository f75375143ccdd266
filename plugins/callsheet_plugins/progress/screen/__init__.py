"""The terminal while a live display is on it: who may write there, and how it is left."""
