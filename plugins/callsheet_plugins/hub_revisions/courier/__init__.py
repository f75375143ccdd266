"""What the courier does for `hub_revisions`: publish, prune, and put scores into the card."""
