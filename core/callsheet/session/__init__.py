"""One run around its loop: lifecycle, announcements, outcome, and the reopening of a dead run."""
