"""Attempts and checkpoints as rows of tables, and in sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from callsheet.errors import counted, listed
from callsheet_plugins.report.moments.lanes import Lane
from callsheet_plugins.report.moments.stages import Stage, some, usual
from callsheet_plugins.report.moments.starts import Start
from callsheet_plugins.report.page.cells import Cell
from callsheet_plugins.report.telling.times import day_of, moment, span
from callsheet_plugins.report.telling.visible import in_line

ATTEMPTS = ["Attempt", "Began", "Ended", "Took", "How it ended", "Step", "Host", "Pause before"]
STAGES = ["Step", "Saved", "Published as", "Published after", "Scored", "Scored after", "Its files"]
OUT = ["Published", "Published after", "Scored", "Scored after"]
RUNS = ["Run", "Began", "Ended", "At work", "Attempts", "Hosts", "Saved", *OUT]

Clock = Callable[[float | None], str | None]


@dataclass(frozen=True)
class Told:
    """Of one run: sentences, rows of its attempts, and of some of its checkpoints. `day` is that of all times."""

    label: str
    sentences: Sequence[str]
    day: str
    attempts: Sequence[Sequence[Any]]
    stages: Sequence[Sequence[Any]]
    left_out: int
    attempts_left_out: int


def told(lane: Lane, most: int) -> Told:
    kept, attempts = some(lane.stages, most), lane.starts[-most:]
    times = [time for start in attempts for time in (start.started, start.ended)]
    times += [time for stage in kept for time in (stage.saved, stage.scored)]
    clock = clock_of(day := day_of(times))
    return Told(
        in_line(lane.label),
        _sentences(lane),
        day,
        [_attempt(start, clock) for start in attempts],
        [_stage(stage, clock) for stage in kept],
        len(lane.stages) - len(kept),
        len(lane.starts) - len(attempts),
    )


def clock_of(day: str) -> Clock:
    """How times are written where all lie in `day`: without it."""
    return lambda time: moment(time).removeprefix(f"{day} ") or None


def _attempt(start: Start, clock: Clock) -> list[Any]:
    ended = clock(start.ended)
    last = f"{ended} (last sign of life)" if start.left_no_word and ended else ended
    host = in_line(start.host, 80) + (f", Slurm job {in_line(start.slurm_job, 40)}" if start.slurm_job else "")
    how = in_line(start.words, 80)
    return [start.number, clock(start.started), last, _lasted(start.took), how, start.step, host, _lasted(start.gap)]


def _stage(stage: Stage, clock: Clock) -> list[Any]:
    named = f"{stage.commit[:10]} {in_line(stage.weights, 40)}".strip()
    return [
        _step(stage),
        clock(stage.saved),
        Cell(named, link=stage.link) if stage.is_published else None,
        _lasted(stage.publishing),
        clock(stage.scored),
        _lasted(stage.scoring),
        in_line(stage.state),
    ]


def _step(stage: Stage) -> int | str:
    """A torn checkpoint has the step of its name."""
    step = stage.checkpoint.removeprefix("checkpoint-")
    if stage.step is None and step.isascii() and step.isdecimal() and len(step) < 16:
        return int(step)
    return in_line(stage.checkpoint, 80) if stage.step is None else stage.step


def _lasted(seconds: float | None) -> Cell | None:
    return None if seconds is None else Cell(span(seconds), seconds)


def _sentences(lane: Lane) -> list[str]:
    """How many checkpoints there were, and how long it usually took to publish and score them."""
    counts = _counts(lane.stages)
    if not counts["saved"]:
        return ["No checkpoint was completed."]
    said = [f"{counted(counts['saved'], 'checkpoint', form=',')} {'was' if counts['saved'] == 1 else 'were'} saved."]
    for done, many, lags in (
        ("published", counts["published"], [stage.publishing for stage in lane.stages]),
        ("scored", counts["scored"], [stage.scoring for stage in lane.stages]),
    ):
        if many:
            said.append(f"{counted(many, 'revision', form=',')} {'was' if many == 1 else 'were'} {done}{_usual(lags)}.")
    return said


def _usual(lags: Sequence[float | None]) -> str:
    found = usual(lags)
    return f", usually {span(found[0])} later ({span(found[1])} at most)" if found else ""


def _counts(found: Sequence[Stage]) -> dict[str, int]:
    return {
        "saved": len({stage.checkpoint for stage in found if stage.step is not None}),
        "published": sum(stage.is_published for stage in found),
        "scored": sum(stage.scored is not None for stage in found),
    }


def run_row(lane: Lane, clock: Clock) -> list[Any]:
    counts, took = _counts(lane.stages), [start.took for start in lane.starts if start.took is not None]
    publishing, scoring = (
        usual(lags) for lags in ([stage.publishing for stage in lane.stages], [stage.scoring for stage in lane.stages])
    )
    return [
        in_line(lane.label),
        clock(lane.starts[0].started) if lane.starts else None,
        clock(lane.starts[-1].ended) if lane.starts else None,
        _lasted(sum(took)) if took else None,
        len(lane.starts),
        listed(list(dict.fromkeys(in_line(start.host, 60) for start in lane.starts if start.host))),
        counts["saved"],
        counts["published"],
        _lasted(publishing[0]) if publishing else None,
        counts["scored"],
        _lasted(scoring[0]) if scoring else None,
    ]
