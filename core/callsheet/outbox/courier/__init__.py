"""The courier: the process that carries entries out, and outlives the run."""
