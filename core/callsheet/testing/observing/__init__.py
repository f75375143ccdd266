"""Does a plugin only observe? Runs with it and without it are compared, bit for bit, at every step."""
