"""Plugins: which are installed, whether they fit the contract, and how a run calls them."""
