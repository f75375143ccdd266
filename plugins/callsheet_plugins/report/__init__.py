"""The report: one page that shows runs and experiments, and commands that answer at once."""
