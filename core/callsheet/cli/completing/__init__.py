"""What may follow in a command line: from folders and entry points, and from a composed configuration."""
