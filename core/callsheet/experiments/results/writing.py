"""`experiment.md`: what was asked, who won and how sure that is, what failed, and how to go on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from callsheet.errors import CallsheetError, counted
from callsheet.experiments.places import PENDING, RECORD, REPORT, STATES
from callsheet.experiments.queue.records import STOPPED
from callsheet.experiments.results import verdicts
from callsheet.experiments.results.by_prompt import ByPrompt, by_prompt
from callsheet.experiments.results.comparison_rows import method_rows, trial_rows
from callsheet.experiments.results.other_scores import other_scores
from callsheet.experiments.results.summary import Summary
from callsheet.results import ArmResult
from callsheet.rundir import atomic
from callsheet.rundir.rundir import RunDir
from callsheet.screen import cut, printable
from callsheet.session.going_on import shell
from callsheet.values import dumps

MOST_ROWS = 200  # arms in the table
MOST_FAILED = 50  # arms without a score, and stopped ones, that are named
MOST_TRIALS = 100  # that are listed, the best first
COULD = "could have shown"
TRIAL = ("trial", "score", "ended", "values")
COLUMNS = ("arm", "seeds", "mean ± sd", "difference", "interval", "verdict", COULD, "seeds needed")


def write(directory: Path, summary: Summary, record: Mapping[str, Any] | None = None) -> None:
    """Write `experiment.md`, and with `record`, what the driver knows, `experiment.json` with its arms and verdict.

    Both without secrets, each in one step: a reader finds the old file or the new one.
    """
    answers = by_prompt(summary)
    if record is not None:
        content = {**record, "arms": summary.rows, "verdict": {**summary.verdict_record, **_recorded(answers)}}
        atomic.write(directory / RECORD, dumps(content, indent=2) + "\n", directory)
    atomic.write(directory / REPORT, markdown(summary, answers), directory)


def _recorded(answers: ByPrompt) -> dict[str, Any]:
    best = answers.best
    return {
        "checkpoints": [asdict(found) for found in answers.compared],
        "best_checkpoint": best and {"arm": best.arm, "step": best.step, **asdict(best.chosen)},
    }


def markdown(summary: Summary, answers: ByPrompt) -> str:
    parts = [
        f"# {_text(summary.name)}",
        _text(summary.hypothesis) and f"Hypothesis: {_text(summary.hypothesis)}",
        summary.states or "There is no arm.",
        *_who_won(summary),
        *_searched(summary),
        *_single(answers),
        *_others(summary),
        *_elsewhere(summary),
        *_stopped(summary),
        *_missing(summary),
        *_going_on(summary),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _who_won(summary: Summary) -> Iterator[str]:
    yield "## Who won"
    yield "\n".join(f"- {_text(said)}" for said in verdicts.sentences_of(summary.verdict, summary.asked))
    if summary.verdict is None:
        return
    rows = [
        (row.method, row.seeds, row.mean, row.difference, row.interval, row.verdict, row.smallest, row.more)
        for row in method_rows(summary)
    ]
    yield _table(COLUMNS, rows[:MOST_ROWS])
    if (more := len(rows) - MOST_ROWS) > 0:
        yield f"{counted(more, 'more arm')}: {RECORD}."
    yield " ".join([*_explained(summary), _text(summary.best_run)])


def _searched(summary: Summary) -> Iterator[str]:
    if rows := trial_rows(summary):
        yield "## Search"
        yield _table(TRIAL, rows[:MOST_TRIALS])
        if (more := len(rows) - MOST_TRIALS) > 0:
            yield f"{counted(more, 'more trial')}: {RECORD}."


def _explained(summary: Summary) -> Iterator[str]:
    better = "less" if summary.asked.direction == "minimize" else "more"
    yield f"The scores are {_code(summary.asked.success_metric or '')} ({better} is better)."
    levels = (
        sorted({each.confidence for each in summary.verdict.comparisons if each.confidence}) if summary.verdict else []
    )
    if levels:
        said = " to ".join(dict.fromkeys(f"{100 * level:.3g} %" for level in (levels[0], levels[-1])))
        yield f"Verdicts compare methods: {verdicts.HOW}, at 5 % over all of them, so each interval holds at {said}."
        yield f"`{COULD}` is the true difference that so many seeds show in 80 % of experiments, given this spread."
    if summary.verdict and summary.verdict.looks:
        yield f"Seeds are added until all is decided, {summary.verdict.looks} at most; the 5 % hold over all looks."


def _single(answers: ByPrompt) -> Iterator[str]:
    """Apart from the verdict, so that nobody takes it for one on methods."""
    if found := [*answers.sentences]:
        yield "## Single checkpoints"
        yield "\n".join(f"- {_text(said)}" for said in found)


def _others(summary: Summary) -> Iterator[str]:
    if rows := other_scores(summary):
        yield "## All scores"
        yield _table(("score", "arm", "seeds", "mean ± sd"), rows)


def _elsewhere(summary: Summary) -> Iterator[str]:
    if found := summary.elsewhere:
        yield "## Scored at another step than most"
        usual = Counter(summary.steps.values()).most_common(1)[0][0]
        yield f"Most are of step {usual}. A score of fewer steps may be one whose last benchmark failed."
        yield _table(("run", "step"), [(name, str(step)) for name, step in found.items()][:MOST_FAILED])


def _stopped(summary: Summary) -> Iterator[str]:
    """Who ended a run before its last step, and why."""
    stopped = [arm.result for arm in summary.arms if arm.result.status == STOPPED and arm.result.run_dir]
    if stopped:
        yield "## Stopped early"
        yield _table(("run", "step", "why"), [(arm.name, *_stop(arm)) for arm in stopped[:MOST_FAILED]])
        if (more := len(stopped) - MOST_FAILED) > 0:
            yield f"{counted(more, 'more run')}: {RECORD}."


def _stop(arm: ArmResult) -> tuple[str, str]:
    try:
        outcome = RunDir(arm.run_dir or Path(), is_main=False).run().get("outcome") or {}
    except (CallsheetError, OSError):
        outcome = {}
    return str(arm.result.step if arm.result else ""), _short(str(outcome.get("stopped_by") or ""))


def _missing(summary: Summary) -> Iterator[str]:
    if not summary.missing:
        return
    yield "## Without a score"
    rows = [(name, _short(why)) for name, why in summary.missing.items()]
    yield _table(("run", "why"), rows[:MOST_FAILED])
    if (more := len(rows) - MOST_FAILED) > 0:
        yield f"{counted(more, 'more run')}: {RECORD}."


def _going_on(summary: Summary) -> Iterator[str]:
    yield "## How to go on"
    folder = str(summary.directory)
    lines = []
    if any(arm.state == PENDING for arm in summary.arms):
        lines.append(f"- The rest: {_code(shell('callsheet', 'experiment', 'resume', folder))}")
    failed = [arm.entry.name for arm in summary.arms if arm.state == STATES[-1]]
    if failed:
        words = [word for name in failed[:3] for word in ("--rerun", name)]
        lines.append(f"- A run that failed, again: {_code(shell('callsheet', 'experiment', 'resume', folder, *words))}")
    lines.append(f"- Every run: {_code(shell('callsheet', 'experiment', 'status', folder))}")
    yield "\n".join(lines)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(_text, line))} |" for line in lines)


def _text(said: str) -> str:
    """`said` on one line of Markdown, with no sign that begins something."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(printable(said).split()))


def _code(said: str) -> str:
    plain = " ".join(printable(said).split())
    return f"`` {plain} ``" if "`" in plain else f"`{plain}`"


def _short(why: str) -> str:
    return cut(" ".join(why.split()))
