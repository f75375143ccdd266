"""One run around its loop: lifecycle, announcements, outcome, and a dead run opened again."""
