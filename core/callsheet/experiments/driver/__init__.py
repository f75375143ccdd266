"""The driver of an experiment: begins it or goes on with it, calls its hooks, starts workers, and says who won."""
