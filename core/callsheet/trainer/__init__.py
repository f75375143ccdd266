"""The trainer of a run: its arguments, its model, its inputs, and the object itself."""
