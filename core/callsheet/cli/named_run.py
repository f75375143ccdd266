"""The run that an argument names, or the one that somebody may mean who names none."""

from __future__ import annotations

from pathlib import Path

from callsheet.errors import CallsheetError, did_you_mean


def a_folder(named: Path) -> Path:
    """`named`, if it is a folder."""
    if named.is_dir():
        return named
    if named.exists():
        raise CallsheetError(f"{named} is no folder of a Callsheet run.")
    raise CallsheetError(f"There is no folder {named}.")


def instead(named: Path) -> str:
    """What to type, with a leading space: a run beside `named`, those in it, or an experiment; or nothing."""
    from callsheet.experiments.places import RECORD
    from callsheet.rundir.rundir import RUN

    if (named / RECORD).is_file():
        return f" It is an experiment: callsheet experiment status {named}"
    if named.is_dir():
        below = next((depth for depth in ("*", "*/*") if any(named.glob(f"{depth}/{RUN}"))), "")
        return f" Those in it: callsheet status {named}/{below}" if below else ""
    beside = [place.parent.name for place in named.absolute().parent.glob(f"*/{RUN}")]
    return did_you_mean(named.name, beside, before=str(named).removesuffix(named.name))
