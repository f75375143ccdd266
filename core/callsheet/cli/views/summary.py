"""What a run says at its end: what was learnt, what each plugin cost, and where everything lies."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from callsheet.completions.files import FOLDER as COMPLETIONS
from callsheet.disk.standing import short
from callsheet.errors import counted
from callsheet.rundir.rundir import CONFIG, EVALS, EVENTS, METRICS, RunDir
from callsheet.screen import on_a_screen

if TYPE_CHECKING:
    from callsheet.session.session import Session

COLUMNS, LINES = 6, 60  # of the table of scores
Costs = dict[str, dict[str, dict[str, float]]]


def show(session: Session, console: Console | None = None) -> None:
    """Print the summary of a finished run."""
    console = console or Console(highlight=False)
    result = session.result
    if result is None:
        return
    console.print()
    by = f" by a plugin: {session.stopped_by}" if result.status == "stopped" else ""
    console.print(
        f"[bold]{result.status}[/bold]{by} after {counted(result.step, 'step')} in {_seconds(result.seconds)}"
    )
    show_scores(session.run_dir, console)
    if costs := {name: hooks for name, cost in session.lineup.cost().items() if (hooks := _within(cost))}:
        console.print(cost_table(costs, result.seconds, session.lineup.disabled))
    console.print(_places(session))
    for name, remark in session.ctx.remarks.items():
        console.print(f"{name} {remark}", markup=False, soft_wrap=True)  # as it is, so that a path can be clicked


def _within(hooks: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """The hooks of a plugin that took time of the run; `on_run_closed` comes after it."""
    return {name: cost for name, cost in hooks.items() if name != "on_run_closed"}


def show_scores(run_dir: RunDir, console: Console, names: Collection[str] | None = None) -> None:
    """Print the scores that a run directory holds, or those of the benchmarks `names` alone."""

    def rows() -> Iterator[dict[str, Any]]:
        return (row for row in run_dir.rows(EVALS) if _is_score(row) and (names is None or row["name"] in names))

    steps = {row["step"] for row in rows()}
    if steps:
        table, left = _scores(rows(), _shown(steps), LINES)
        console.print(table)
        if left:
            console.print(f"{counted(left, 'row')} more, of other metrics: {short(run_dir.path / EVALS)}", markup=False)


def score_table(rows: list[dict[str, Any]]) -> Table:
    """One line per benchmark and kind of weights, one column per step; a model of no run has no step."""
    return _scores(rows, _shown({row["step"] for row in rows}))[0]


def _scores(rows: Iterable[dict[str, Any]], steps: Sequence[int | None], most: float = math.inf) -> tuple[Table, int]:
    """That table, of `most` lines, and how many rows had no room; only what it shows is held."""
    cells: dict[tuple[str, str, str], dict[int | None, Any]] = {}
    left = 0
    for row in rows:
        full = False
        for metric, value in ((name, value) for name, value in row["metrics"].items() if "stderr" not in name):
            key = row["name"], str((row.get("tags") or {}).get("weights", "")), metric
            if key in cells or len(cells) < most:
                score = math.nan if value is None else value  # JSON has no number for what is not finite
                cells.setdefault(key, {}).update({row["step"]: score} if row["step"] in steps else {})
            else:
                full = True
        left += full
    columns = ("score" if step is None else f"at {step}" for step in steps)
    table = Table("learnt", "weights", "metric", *columns, box=None, pad_edge=False)
    for column in table.columns:
        column.no_wrap = True
    for key, values in cells.items():  # as text: a name may look like markup, as in "[/b]"
        table.add_row(*map(escape, key), *(escape(_score(values.get(step))) for step in steps))
    return table, left


def _shown(steps: set[int | None]) -> list[int | None]:
    """The first step and the last five; a model of no run has no step."""
    found: list[int | None] = [*sorted(step for step in steps if step is not None), *([None] if None in steps else [])]
    return found if len(found) <= COLUMNS else [found[0], *found[1 - COLUMNS :]]


def _is_score(row: dict[str, Any]) -> bool:
    """Whether a line of the file is a score, as far as a table needs it."""
    step = row.get("step")
    return isinstance(row.get("name"), str) and isinstance(row.get("metrics"), dict) and isinstance(step, int | None)


def cost_table(costs: Costs, seconds: float, disabled: Collection[str] = ()) -> Table:
    """A line per plugin. Only if some plugin raised, a column says how often each did, and where."""
    failed = any(hook.get("failures") for hooks in costs.values() for hook in hooks.values())
    columns = ("plugin", "seconds", "of the run", "calls", "slowest call", *(("failed",) if failed else ()))
    table = Table(*columns, box=None, pad_edge=False)
    for column in table.columns[1:5]:
        column.justify = "right"
    for name, hooks in costs.items():
        total = sum(hook["seconds"] for hook in hooks.values())
        slowest = max(hooks, key=lambda hook: hooks[hook]["slowest"])
        table.add_row(
            name,
            f"{total:.3f}",
            f"{100 * total / seconds:.1f} %" if seconds else "",
            str(sum(int(hook["calls"]) for hook in hooks.values())),
            f"{slowest} {hooks[slowest]['slowest']:.3f} s",
            *((_failures(hooks, name in disabled),) if failed else ()),
        )
    return table


def _failures(hooks: dict[str, dict[str, float]], is_disabled: bool) -> str:
    """
    >>> _failures({"on_eval": {"failures": 0}, "on_log": {"failures": 3}}, True)
    'on_log 3 times, then no longer called'
    """
    times = {hook: int(cost.get("failures", 0)) for hook, cost in hooks.items()}
    said = ", ".join(f"{hook} {counted(count, 'time')}" for hook, count in times.items() if count)
    return f"{said}, then no longer called" if said and is_disabled else said


def _places(session: Session) -> Table:
    folder = session.run_dir.path
    records = {"metrics": METRICS, "scores": EVALS, "completions": COMPLETIONS, "events": EVENTS}
    names = {"model": ".", "configuration": CONFIG, **records}
    table = Table("what", "where", box=None, pad_edge=False)
    for what, name in names.items():
        if (folder / name).exists():
            table.add_row(what, short((folder / name).resolve()), style=None)
    for what, place in session.run_dir.run().get("artifacts", {}).items():
        table.add_row(on_a_screen(what), on_a_screen(short((folder / place).resolve())))
    return table


def _score(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, (int, float)) else str(value)  # Callsheet 0.1 wrote some as text


def _seconds(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
