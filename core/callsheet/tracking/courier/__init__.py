"""The courier's side of trackers: it starts a follower for each, watches it, and says when the run is over."""
