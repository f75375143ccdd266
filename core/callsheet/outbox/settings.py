"""The settings of a run's outbox."""

from __future__ import annotations

from dataclasses import dataclass

from callsheet.settings import setting


@dataclass
class OutboxSettings:
    """How what leaves the machine is carried out, and how long a run waits for it."""

    deadline_seconds: float = setting(
        600, ge=0, help="How long a run waits at its end for what is not published; what remains is kept for a drain."
    )
    parallel: int = setting(2, ge=1, help="How many entries the courier works on at a time.")
    first_delay_seconds: float = setting(1.0, gt=0, help="Wait after a first failure; doubled after each further one.")
    longest_delay_seconds: float = setting(60.0, gt=0, help="The longest wait between two attempts at an entry.")
    linger_seconds: float = setting(
        600, ge=0, help="How long the courier goes on after the run has ended, before it leaves the rest for a drain."
    )
