"""Every arm composed and checked before the first one begins."""
