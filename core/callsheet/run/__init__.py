"""A run from a composed configuration, or from a script, to a saved model."""
