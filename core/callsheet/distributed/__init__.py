"""The processes of one run: which of how many this is, and what all of them must agree on."""
