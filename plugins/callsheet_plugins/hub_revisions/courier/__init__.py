"""The courier's work for `hub_revisions`: publish revisions, prune branches, and write scores into cards."""
