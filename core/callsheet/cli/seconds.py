"""A time in seconds on a command line: a number that is not negative; `inf` is one."""

from __future__ import annotations

import math
from typing import Any

import click

from callsheet.screen import quoted


class Seconds(click.ParamType):
    """The type of `--seconds`; NaN and what is below 0 are no time."""

    name = "seconds"

    def convert(self, value: Any, parameter: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if not seconds >= 0:
            name = parameter.opts[0] if parameter else "--seconds"
            self.fail(f"{name} takes a number of seconds, 0 or more, not {quoted(str(value))}.", parameter, ctx)
        return abs(seconds)


SECONDS = Seconds()
