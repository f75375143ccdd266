"""What a run trained on, for `run.json`: every argument of its trainer, its data sets, and the size of its model.

A run that is resumed compares its rows with those that it had before.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.data import evaluation
from callsheet.data.sources import sources_of
from callsheet.run import digests
from callsheet.rundir.revisions import relative
from callsheet.rundir.rundir import RunDir
from callsheet.secrets import redact
from callsheet.trainer.adapters import parameter_counts
from callsheet.trainer.inputs import sets_of

if TYPE_CHECKING:
    from callsheet.config.plan import Plan
    from callsheet.config.schema import SourceSettings
    from callsheet.records import ManifestRow
    from callsheet.session.session import Session

DIGEST, TRAIN, EVAL, SOURCES = "digest", "train", "eval", "sources"

logger = logging.getLogger("callsheet")


def write(
    session: Session, plan: Plan, trainer: Any, train: Any, held_out: Any, resumed: ManifestRow | None = None
) -> None:
    """Write it when the trainer is built; `resumed` is the checkpoint of this run that it goes on from."""
    if not session.run_dir.is_main:
        return
    named = _named(train, held_out)
    about = {name: describe(plan, name, rows) for name, rows in named.items()}
    session.run_dir.update_run(
        trainer_args=portable(redact(trainer.args.to_dict()), session.run_dir.path),
        parameters=parameter_counts(trainer.model),
    )
    _write_data(session, about, named, resumed)


def write_of_script(session: Session, trainer: Any, resumed: ManifestRow | None) -> None:
    """Write what is known of the data of somebody's script: the rows that its trainer has prepared, or was given so."""
    if session.run_dir.is_main and trainer.train_dataset is not None:
        _write_data(session, {TRAIN: _counted(trainer.train_dataset)}, {TRAIN: trainer.train_dataset}, resumed)


def _write_data(session: Session, about: dict[str, Any], named: Mapping[str, Any], resumed: ManifestRow | None) -> None:
    """Write `about` with digests. Those of large data follow: it may take minutes to read all of them."""
    before = _trained_on(session, resumed) if resumed else {}
    small = {name: rows for name, rows in named.items() if digests.is_small(rows)}
    session.run_dir.update_run(data=_add_digests(about, small))
    if resumed and (TRAIN in small or before.get("rows") != about[TRAIN]["rows"]):
        _say_changed(session, resumed, before, about[TRAIN])
    if not (large := {name: rows for name, rows in named.items() if name not in small}):
        return

    def follow(stop: Callable[[], bool]) -> None:
        session.run_dir.update_run(data=_add_digests(about, large, stop))
        if resumed and TRAIN in large and before.get("rows") == about[TRAIN]["rows"]:
            _say_changed(session, resumed, before, about[TRAIN])

    session.beside(follow)


def _trained_on(session: Session, resumed: ManifestRow) -> Mapping[str, Any]:
    """What the run that saved `resumed` says of its rows; run.json keeps it until it is written anew."""
    folder = resumed.path.parent
    run = session.run_dir if folder == session.run_dir.path else RunDir(folder, is_main=False)
    found: Mapping[str, Any] = run.run().get("data", {}).get(TRAIN, {})
    return found


def _say_changed(session: Session, resumed: ManifestRow, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Warn that the run goes on in other rows, by their number or their digest."""
    if (SOURCES in before) != (SOURCES in now):
        return  # as they were loaded here, and as a trainer has prepared them there
    rows, digest = ((before.get(name), now.get(name)) for name in ("rows", DIGEST))
    if None in rows or (rows[0] == rows[1] and (None in digest or digest[0] == digest[1])):
        return
    others = f"{rows[1]} in place of {rows[0]}" if rows[0] != rows[1] else "as many, and others or in another order"
    session.run_dir.event("other_rows", checkpoint=resumed.name, before=dict(before), now=dict(now))
    logger.warning(
        "The rows to train on are not those that %s was saved with (%s). The run goes on at the same place in them, "
        "which is not what it would have read.",
        resumed.name,
        others,
    )


def describe(plan: Plan, name: str, rows: Any) -> dict[str, Any]:
    """One data set: the files or ids that it was made of, and how many rows it has; None if nobody has counted them."""
    sources = [
        {"path": redact(source.path), "split": source.split, **({"weight": source.weight} if source.weight < 1 else {})}
        for source in _sources(plan, name)
    ]
    return {SOURCES: sources, **_counted(rows)}


def _counted(rows: Any) -> dict[str, Any]:
    with suppress(TypeError, NotImplementedError):  # what torch's own data sets raise that have no length
        return {"rows": len(rows), DIGEST: None}
    return {"rows": None, DIGEST: None}


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
