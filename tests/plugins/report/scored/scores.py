"""Scores and runs for tests of what scores say."""

import json

from callsheet_plugins.report.gathered import RunData
from plugins.report.made import eval_row, make_run, write_rows


def scored_run(folder, rows, label="run", **made):
    """A run whose evals.jsonl has `rows`: of a benchmark's name, metrics, step, and answers if there are some."""
    run = make_run(folder, steps=2, scores=False, completions=False, **made)
    (folder / "predictions").mkdir(exist_ok=True)
    found = [_row(folder, at, *row) for at, row in enumerate(rows)]
    write_rows(folder / "evals.jsonl", found)
    return RunData(run, label)


def _row(folder, at, name, metrics, step, answers=None, weights="raw"):
    file = f"predictions/{at}.jsonl"
    if answers is not None:
        (folder / file).write_text("".join(f"{json.dumps(row)}\n" for row in answers))
    row = eval_row(name, metrics, step, None, None if answers is None else file, "2026-11-20T10:00:00+00:00")
    return {**row, "weights": weights, "tags": {"weights": weights}}


def rights(*right, **more):
    """Answers to as many prompts, each right or wrong."""
    return [{"prompt": f"q{at}", "answer": str(one), "right": bool(one), **more} for at, one in enumerate(right)]
