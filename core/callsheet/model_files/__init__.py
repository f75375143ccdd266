"""The files of a model in a folder: are they whole, how many tokens and rows do they have; without loading it."""
