"""Other people's code while it is imported: what it may not do, what is taken back, and what is said of the rest."""
