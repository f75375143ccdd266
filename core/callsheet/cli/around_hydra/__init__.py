"""What stands around Hydra's own command line: what it is not asked, and what is done with what it composed."""
