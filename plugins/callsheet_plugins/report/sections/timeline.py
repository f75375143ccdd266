"""The section of times: a run's attempts, and how its checkpoints were saved, published and scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callsheet.errors import counted, listed
from callsheet_plugins.report.figures import timeline
from callsheet_plugins.report.figures.timeline import Lane
from callsheet_plugins.report.moments.stages import Stage, some, stages, usual
from callsheet_plugins.report.moments.starts import Start, starts
from callsheet_plugins.report.page.cells import Cell
from callsheet_plugins.report.page.section import Section
from callsheet_plugins.report.telling.times import day_of, moment, span
from callsheet_plugins.report.telling.visible import in_line

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import Report

MOST_ROWS = 200  # of checkpoints of one run
MOST_FOLDS = 20  # runs with a table of their own
MOST_IN_FOLD = 40
MOST_RUNS = 200  # rows of the table
MOST_LANES = 40  # rows of the chart
MOST_POINTS = 1_500  # checkpoints in the chart
ATTEMPTS = ["Attempt", "Began", "Ended", "Took", "How it ended", "Step", "Host", "Pause before"]
STAGES = ["Step", "Saved", "Published as", "Published after", "Scored", "Scored after", "Its files"]
RUNS = [
    "Run",
    "Began",
    "Ended",
    "At work",
    "Attempts",
    "Hosts",
    "Saved",
    "Published",
    "Published after",
    "Scored",
    "Scored after",
]

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


def section(report: Report) -> Section | None:
    lanes = [Lane(run.label, starts(run), stages(run)) for run in report.runs]
    known = [lane for lane in lanes if lane.starts or lane.stages]
    if not known:
        return None
    drawn, is_one = known[:MOST_LANES], len(lanes) == 1
    day = day_of(time for lane in known for start in lane.starts for time in (start.started, start.ended))
    values = {
        "is_one": is_one,
        "day": day,
        "runs": [] if is_one else [_run(lane, _clock(day)) for lane in known[:MOST_RUNS]],
        "told": [_told(lane, MOST_ROWS if is_one else MOST_IN_FOLD) for lane in known[:MOST_FOLDS]],
        "columns": {"attempts": ATTEMPTS, "runs": RUNS, "stages": STAGES},
        "runs_left_out": max(0, len(known) - MOST_RUNS),
        "lanes_left_out": len(known) - len(drawn),
        "folds_left_out": max(0, len(known) - MOST_FOLDS),
    }
    thinned = [_thinned(lane, MOST_POINTS // len(drawn)) for lane in drawn]
    chart = timeline.figure(thinned)
    values["points_left_out"] = _size(drawn) - _size(thinned)
    return Section("timeline", "Timeline", "timeline.html.jinja", values, {"timeline": chart} if chart.data else {})


def _size(lanes: Sequence[Lane]) -> int:
    return sum(len(lane.stages) for lane in lanes)


def _thinned(lane: Lane, most: int) -> Lane:
    return Lane(lane.label, lane.starts[-most:], some(lane.stages, most))


def _told(lane: Lane, most: int) -> Told:
    kept, attempts = some(lane.stages, most), lane.starts[-most:]
    times = [time for start in attempts for time in (start.started, start.ended)]
    times += [time for stage in kept for time in (stage.saved, stage.scored)]
    clock = _clock(day := day_of(times))
    return Told(
        in_line(lane.label),
        _sentences(lane),
        day,
        [_attempt(start, clock) for start in attempts],
        [_stage(stage, clock) for stage in kept],
        len(lane.stages) - len(kept),
        len(lane.starts) - len(attempts),
    )


def _clock(day: str) -> Clock:
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


def _run(lane: Lane, clock: Clock) -> list[Any]:
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
