"""What a run trained on, for `run.json`: every argument of its trainer, its data sets, and the size of its model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.data import evaluation
from callsheet.data.sources import sources_of
from callsheet.run import digests
from callsheet.rundir.revisions import relative
from callsheet.secrets import redact
from callsheet.trainer.adapters import parameter_counts
from callsheet.trainer.inputs import sets_of

if TYPE_CHECKING:
    from callsheet.config.plan import Plan
    from callsheet.config.schema import SourceSettings
    from callsheet.session.session import Session

DIGEST, TRAIN, EVAL = "digest", "train", "eval"


def write(session: Session, plan: Plan, trainer: Any, train: Any, held_out: Any) -> None:
    """Write it when the trainer is built. Digests of large data follow: it may take minutes to read all of them."""
    if not session.run_dir.is_main:
        return
    named = _named(train, held_out)
    about = {name: describe(plan, name, rows) for name, rows in named.items()}
    small = {name: rows for name, rows in named.items() if digests.is_small(rows)}
    _add_digests(about, small)
    session.run_dir.update_run(
        trainer_args=portable(redact(trainer.args.to_dict()), session.run_dir.path),
        data=about,
        parameters=parameter_counts(trainer.model),
    )
    if large := {name: rows for name, rows in named.items() if name not in small}:
        session.beside(lambda stop: session.run_dir.update_run(data=_add_digests(about, large, stop)))


def describe(plan: Plan, name: str, rows: Any) -> dict[str, Any]:
    """One data set: the files or ids that it was made of, and how many rows it has; None if nobody has counted them."""
    sources = [
        {"path": redact(source.path), "split": source.split, **({"weight": source.weight} if source.weight < 1 else {})}
        for source in _sources(plan, name)
    ]
    return {"sources": sources, "rows": len(rows) if hasattr(rows, "__len__") else None, DIGEST: None}


def _sources(plan: Plan, name: str) -> list[SourceSettings]:
    found = sources_of(plan.dataset)
    if name == TRAIN or plan.dataset.test_split_size:
        return [source for where, source in found.items() if not evaluation.is_evaluation(where)]
    return [found[evaluation.place(name.removeprefix(EVAL).removeprefix("_"))]]


def portable(value: Any, run_dir: Path) -> Any:
    """`value` with the paths inside the run directory relative to it: the run may be moved."""
    if isinstance(value, Mapping):
        return {name: portable(item, run_dir) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [portable(item, run_dir) for item in value]
    return relative(Path(value), run_dir) if isinstance(value, str) and value.startswith(str(run_dir)) else value


def _named(train: Any, held_out: Any) -> dict[str, Any]:
    """The data sets by name: several for evaluation come as a dictionary."""
    return {TRAIN: train, **{f"{EVAL}_{name}" if name else EVAL: rows for name, rows in sets_of(held_out).items()}}


def _add_digests(
    about: dict[str, Any], named: Mapping[str, Any], stop: Callable[[], bool] = lambda: False
) -> dict[str, Any]:
    for name, rows in named.items():
        about[name] = {**about[name], DIGEST: digests.digest(rows, stop)}
    return about
