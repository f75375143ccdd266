"""The answers behind a score of a run: one for each prompt, with what tells prompts and clusters of them apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from callsheet.errors import CallsheetError
from callsheet.experiments.statistics.checkpoints import Answer
from callsheet.results import RAW, ArmResult
from callsheet.rundir.rundir import EVALS, RunDir
from callsheet.values import dumps, number

MOST = 100_000  # answers of a score that are read
MOST_STEPS = 100  # the last ones
PROMPTS = (
    "prompt_id",
    "doc_id",
    "id",
    "doc_hash",
    "prompt",
    "question",
)  # what names it, the first there
CLUSTERS = ("cluster", "group", "passage")
SCORES = ("right", "correct", "score")  # what else than the metric's own name a row may call its score


def answers_by_step(arm: ArmResult, metric: str) -> dict[int | None, list[Answer]]:
    """By step, the answers behind the score `benchmark.metric`, of the weights that are compared.

    None for what has no answers, or other ones than scores of single prompts.
    """
    benchmark, _, name = metric.rpartition(".")
    if arm.run_dir is None or not benchmark:
        return {}
    run_dir = RunDir(arm.run_dir, is_main=False)
    files = _files(run_dir, benchmark, _weights(arm, benchmark))
    found = {step: _answers(run_dir, file, name) for step, file in files.items()}
    return {step: answers for step, answers in found.items() if answers}


def last_answers(arm: ArmResult, metric: str) -> list[Answer]:
    """Those of the step whose score is compared; none where it has none."""
    found = answers_by_step(arm, metric)
    try:
        return found.get(arm.eval(metric.rpartition(".")[0]).step, [])
    except KeyError:
        return []


def _weights(arm: ArmResult, benchmark: str) -> str:
    try:
        return arm.eval(benchmark).tags.get("weights") or RAW
    except KeyError:
        return RAW


def _files(run_dir: RunDir, benchmark: str, weights: str) -> dict[int | None, str]:
    """The file of predictions of each step; of what was scored twice, the last."""
    found: dict[int | None, str] = {}
    for row in run_dir.rows(EVALS, holding='"predictions"'):
        of = row.get("weights") or (row.get("tags") or {}).get("weights") or RAW
        if row["name"] == benchmark and of == weights and isinstance(row.get("predictions"), str):
            found[row["step"]] = row["predictions"]
    last = sorted(found, key=lambda step: -1 if step is None else step)[-MOST_STEPS:]
    return {step: found[step] for step in last}


def _answers(run_dir: RunDir, file: str, metric: str) -> list[Answer]:
    """What a file of predictions has; nothing where it is gone, lies elsewhere, or holds no scores."""
    try:
        run_dir.inside.refuse_link(Path(file))
        rows = islice(run_dir.rows(file), MOST)
        return [answer for row in rows for answer in _answer(row, metric)]
    except (CallsheetError, OSError):
        return []


def score_names(metric: str) -> tuple[str, ...]:
    """What may hold the score of an answer for `metric`: its own name, that without its filter, or what others say."""
    return metric, metric.partition(",")[0], *SCORES


def _answer(row: Mapping[str, Any], metric: str) -> Iterator[Answer]:
    of = metric.partition(",")[2]
    if of and row.get("filter", of) != of:  # lm_eval answers each prompt once for each filter
        return
    names = score_names(metric)
    score = next((number(row[name]) for name in names if isinstance(row.get(name), (bool, int, float))), math.nan)
    prompt = next((row[name] for name in PROMPTS if row.get(name) is not None), None)
    if prompt is None or not math.isfinite(score):
        return
    cluster = next((row[name] for name in CLUSTERS if row.get(name) is not None), None)
    asked = f"{row.get('task', '')}:{prompt if isinstance(prompt, str) else dumps(prompt)}"
    yield Answer(asked, float(score), None if cluster is None else dumps(cluster))
