"""What a run's record says, in words: events, times, commands, and any text so that all of it can be seen."""
