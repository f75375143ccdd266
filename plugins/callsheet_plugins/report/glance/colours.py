"""Colours on a terminal, for who wants them."""

from __future__ import annotations

import os
import sys

import click

from callsheet_plugins.report.reading.records import UNREADABLE

OF_STATES = {
    **dict.fromkeys(("failed", "dead", UNREADABLE), "red"),
    **{"alive": "green", "waiting": "yellow", "interrupted": "yellow", "unknown": "yellow"},
}


def are_wanted() -> bool:
    """Whether somebody looks at a terminal, and has not said no (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def of_state(state: str) -> str:
    """The name of a state in its colour."""
    colour = OF_STATES.get(state)
    return click.style(state, fg=colour) if colour and are_wanted() else state


def dim(text: str) -> str:
    return click.style(text, dim=True) if are_wanted() else text
