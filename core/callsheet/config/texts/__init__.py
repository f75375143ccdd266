"""What text a setting can hold, and which settings are paths."""
