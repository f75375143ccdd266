"""Which columns a table of runs shows, and which of them keep their place on a narrow screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf

from callsheet.disk.standing import short
from callsheet_plugins.report.glance.colours import of_state
from callsheet_plugins.report.glance.columns import Column
from callsheet_plugins.report.glance.finding import Columns
from callsheet_plugins.report.glance.fitting import Cells
from callsheet_plugins.report.glance.look import Glance

MISSING = "-"
QUIET = ("completed", "alive")  # states that need no reason
SPARING = 48  # columns of a terminal that a setting takes at most
# Which columns keep their place on a narrow screen: those of the lowest rank. Settings and scores go in between.
RANKS = {"run": 0, "status": 1, "arm": 2, "seed": 3, "last": 5, "best": 6, "step": 7, "age": 10, "size": 11}
STEP_OF_COMPLETED = 12  # all of them took all their steps
OF_SETTINGS, OF_SETTINGS_OF_ARMS, OF_SCORES = (4, 9, 13), (14, 16), (8, 15)
LATER, WHY = 20, 1000
MOST_SETTINGS = 12  # that are shown if nobody asks for them


def usual(columns: Columns, glances: Sequence[Glance]) -> Iterator[Column]:
    """The columns that are shown if nobody asks for others."""
    own = columns.own
    arms = [own[name] for name in ("arm", "seed", "stage") if _says_something(own[name], glances, name)]
    of_arms = {tuple(column.text(glance) for glance in glances) for column in arms}
    differs = columns.settings()[:MOST_SETTINGS]
    settings = [each for each in differs if tuple(map(each.text, glances)) not in of_arms]
    yield from (own["run"], own["status"], own["step"], *arms, *settings)
    if columns.metric:
        yield from (own["last"], own["best"])
    yield from map(columns.find, (f"score.{label}" for label in columns.scores))
    yield from (own["size"], own["age"])
    if any(glance.state not in QUIET for glance in glances):
        yield own["why"]


def _says_something(column: Column, glances: Sequence[Glance], name: str) -> bool:
    found = {column.text(glance) for glance in glances}
    return len(found) > 1 if name == "seed" else found != {""}


def cells_of(column: Column, glances: Sequence[Glance], rank: int, room: float) -> Cells:
    texts = [column.text(glance) or MISSING for glance in glances]
    if column.name == "run":
        texts = texts if room < inf else [short(glance.path) for glance in glances]
        return Cells("run", texts, rank, least=24, is_cut_in_the_middle=True)
    if column.name == "why":
        texts = [MISSING if glance.state in QUIET else text for text, glance in zip(texts, glances, strict=True)]
        return Cells("why", texts, rank, least=30)
    if column.name == "status":
        return Cells("status", texts, rank, style=of_state)
    if column.is_number:
        return Cells(column.header, texts, rank, is_number=True)
    return Cells(column.header, texts, rank, least=8, most=SPARING if room < inf else inf)


def ranks_of(columns: Columns, chosen: Sequence[Column]) -> dict[str, int]:
    """Each column's rank by its name; of experiments the arm says what differs."""
    names = [column.name for column in chosen]
    ranks = {name: RANKS.get(name, WHY) for name in names if name in columns.own}
    if all(glance.state == "completed" for glance in columns.glances) and "step" in ranks:
        ranks["step"] = STEP_OF_COMPLETED
    of_settings = OF_SETTINGS_OF_ARMS if "arm" in names else OF_SETTINGS
    for kind, first in ((columns.differs, of_settings), (columns.scores, OF_SCORES)):
        places = [*first, *range(LATER, LATER + len(names))]
        ranks |= dict(zip((name for name in names if name in kind), places, strict=False))
    return ranks
