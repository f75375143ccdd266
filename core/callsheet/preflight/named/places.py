"""Checks that this process may read what a configuration names, and write where the run goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from callsheet.config.plan import Plan
from callsheet.data.evaluation import sets_of
from callsheet.disk import os_errors
from callsheet.errors import CallsheetError
from callsheet.preflight.named.argument_files import JSON_FILES
from callsheet.rundir.again import reuse

TEMPLATE = "chat_template_path"
INLINE = ("{", "\n")  # a template or an object itself, in place of its file


def problems(plan: Plan) -> list[str]:
    """List what may not be read, with the setting that names it, or not be written. What is not there, others say."""
    found = []
    for name, written in _named(plan):
        said = os_errors.unreadable_below(Path(written).expanduser()) if _is_path(written) else ""
        found += [os_errors.of_setting(name, written, said)] if said else []
    return [*found, *_cache_problems(plan), *reuse.path_problems(plan.run_dir)]


def _cache_problems(plan: Plan) -> list[str]:
    """`datasets` keeps what it has read, also of a local file."""
    said = "" if plan.dataset.streaming else os_errors.unwritable_cache("datasets", "HF_DATASETS_CACHE")
    return [f"The cache of data sets: {said}"] if said else []


def _is_path(written: str) -> bool:
    return bool(written) and not any(mark in written for mark in INLINE)


def _named(plan: Plan) -> Iterator[tuple[str, str]]:
    yield "model.path", plan.model.path
    yield from _given("model.chat_template", plan.model.chat_template)
    yield from _given("trainer.ref_model", plan.trainer.ref_model)
    yield from _given("resume", plan.resume if plan.wish.names_checkpoint else None)
    yield from _of_data(plan)
    for number, reward in enumerate(plan.trainer.rewards):
        path = reward.get("path") if isinstance(reward, Mapping) else reward
        yield from _given(f"trainer.rewards[{number}]", path)
    for argument in (*JSON_FILES, TEMPLATE):
        yield from _given(f"trainer.args.{argument}", plan.trainer.args.get(argument))


def _of_data(plan: Plan) -> Iterator[tuple[str, str]]:
    yield from _given("dataset.path", plan.dataset.path)
    for number, source in enumerate(plan.dataset.mixture):
        yield from _given(f"dataset.mixture[{number}].path", source.path)
    try:
        sets = sets_of(plan.dataset)
    except CallsheetError:
        return  # which data.inspect says
    for name, source in sets.items():
        yield from _given(f"dataset.eval.{name}" if name else "dataset.eval_path", source.path)


def _given(name: str, written: Any) -> Iterator[tuple[str, str]]:
    if isinstance(written, str):
        yield name, written
