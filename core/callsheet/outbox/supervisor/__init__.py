"""The run's side of the outbox: it starts the courier and announces what came back."""
