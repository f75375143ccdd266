"""The process of one tracker: it follows the run directory, and knows the tracker's package."""
