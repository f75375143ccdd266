"""Reading run directories fast, whatever is damaged in them: what was left out is said, and nothing raises."""
