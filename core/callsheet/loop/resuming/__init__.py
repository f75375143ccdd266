"""What a resumed run needs and no checkpoint of a Trainer holds: saved beside it, and restored before the next step."""
