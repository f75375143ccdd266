"""Hydra: the schema, composition, overrides, and where each value came from."""
