"""The evaluation sets of a run: none, a single one, or several by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from callsheet.config.schema import DatasetSettings, SourceSettings
from callsheet.config.texts.checking import LONGEST_NAME
from callsheet.errors import CallsheetError, did_you_mean

WHERE = "dataset.eval"
FIELDS = ("path", "name", "split", "columns")
FOLLOWS_LOSS = ("reduce_lr_on_plateau", "greedy")  # schedules that transformers steers by evaluations
NAME = re.compile(r"[A-Za-z0-9][\w-]*")
TAKEN = ("train", "eval")  # in metrics.jsonl and in TRL, these are the training rows and a single evaluation set


def sets_of(dataset: DatasetSettings) -> dict[str, SourceSettings]:
    """The evaluation sets by name; a single one has the empty name.

    Raises `CallsheetError` for a set that is neither a path nor a mapping that has one.
    """
    if dataset.eval_path:
        return {"": _source(dataset, dataset.eval_path)}
    if isinstance(dataset.eval, str):
        return {"": _source(dataset, dataset.eval)}
    if dataset.eval is None:
        return {}
    if not isinstance(dataset.eval, Mapping):
        raise CallsheetError(f"{WHERE} must be a path, or paths by name as in {{easy: a.jsonl}}, got {dataset.eval!r}.")
    return {_checked(name): _named(dataset, str(name), given) for name, given in dataset.eval.items() if given}


def as_given(sets: Mapping[str, Any]) -> Any:
    """What a trainer takes: none, a single set, which has the empty name in `sets`, or all of them by name."""
    return sets.get("", sets or None)


def without_loss(setting: str, metric: str, config: Mapping[str, Any]) -> str:
    """Why the `metric` that `setting` names is never measured, since the sets of `config` have names; or nothing."""
    sets = (config.get("dataset") or {}).get("eval")
    if not (isinstance(sets, Mapping) and sets and metric == "eval_loss"):
        return ""
    named = ", ".join(f"eval_{name}_loss" for name in sets)
    return f"{setting}=eval_loss names none of the sets of dataset.eval. Set it to one such as {named}."


def place(name: str) -> str:
    """Where the evaluation set `name` stands in the configuration."""
    return f"{WHERE}.{name}" if name else WHERE


def is_evaluation(where: str) -> bool:
    """Whether the place `where` of a configuration is that of an evaluation set."""
    return where == WHERE or where.startswith(f"{WHERE}.")


def metric_problems(dataset: DatasetSettings, args: Mapping[str, Any]) -> Iterator[str]:
    """Say that the metric of the best checkpoint must name a set: Trainer would fail at the first checkpoint."""
    names = [str(name) for name in dataset.eval] if isinstance(dataset.eval, Mapping) else []
    wanted = args.get("metric_for_best_model")
    needed = args.get("load_best_model_at_end") or args.get("lr_scheduler_type") in FOLLOWS_LOSS
    metric = f"eval_{str(wanted or 'loss').removeprefix('eval_')}"
    if names and (wanted or needed) and not any(f"_{name}_" in metric for name in names):
        choices = ", ".join(f"eval_{name}_loss" for name in names)
        yield (
            f"trainer.args.metric_for_best_model={wanted or 'loss'} names none of the sets of {WHERE}: metrics carry "
            f"the name of their set. Set it to one such as {choices}."
        )


def _named(dataset: DatasetSettings, name: str, given: Any) -> SourceSettings:
    """The set that is written as a path, or as `{path: …, split: …}`."""
    if isinstance(given, str):
        return _source(dataset, given)
    if not isinstance(given, Mapping) or not isinstance(given.get("path"), str):
        raise CallsheetError(f"{place(name)} must be a path, or have one as in {{path: a.jsonl}}, got {given!r}.")
    for key in map(str, given):
        if key not in FIELDS:
            raise CallsheetError(
                f"{place(name)} has no setting {key!r}.{did_you_mean(key, FIELDS)} It has: {', '.join(FIELDS)}."
            )
    own = {key: given[key] for key in ("name", "columns") if given.get(key) is not None}
    return _source(dataset, given["path"], str(given.get("split") or dataset.eval_split), **own)


def _source(dataset: DatasetSettings, path: str, split: str = "", **own: Any) -> SourceSettings:
    if max(len(part.encode()) for part in path.split("/")) > LONGEST_NAME:
        raise CallsheetError(f"{WHERE} holds a name of more than {LONGEST_NAME} bytes: {path[:60]}…")
    return SourceSettings(path, **{"split": split or dataset.eval_split, "columns": dataset.columns, **own})


def _checked(name: object) -> str:
    if str(name) in TAKEN:
        raise CallsheetError(f"{WHERE}: a set cannot be called {name!r}, because files and trainers give it a meaning.")
    if not NAME.fullmatch(str(name)):
        raise CallsheetError(f"{WHERE}: {name!r} cannot name a set. Use letters, digits, _ and -.")
    return str(name)
