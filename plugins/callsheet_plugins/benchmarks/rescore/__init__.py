"""`callsheet bench`: scores for checkpoints, model folders and revisions of the Hub after the fact."""
