"""Random numbers that are drawn beside training, and leave the generators of the process as they were."""

from callsheet.randomness.states import random_states_kept

__all__ = ["random_states_kept"]
