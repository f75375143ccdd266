"""In what runs differ, and where each comes from."""
