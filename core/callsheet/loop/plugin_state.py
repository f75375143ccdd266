"""The state of plugins inside a checkpoint: written when it is saved, restored when a run resumes from it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from callsheet.disk import typed
from callsheet.disk.inside import Inside
from callsheet.disk.regular import Irregular
from callsheet.disk.typed import Malformed
from callsheet.errors import CallsheetError, listed, sentences
from callsheet.rundir import atomic
from callsheet.rundir.checkpoints import bare_row, manifest
from callsheet.rundir.revisions import relative
from callsheet.rundir.rundir import RunDir
from callsheet.sharding import unwrapped
from callsheet.trainer import saved_adapters
from callsheet.values import dumps, restored

if TYPE_CHECKING:
    from callsheet.records import ManifestRow
    from callsheet.session.session import Session

logger = logging.getLogger("callsheet")

FILE = Path("callsheet") / "plugins.json"
RESUME_ANOTHER = "The states of plugins are lost in this checkpoint: repair the file, or resume from another one."


class SavedState(TypedDict, total=False):
    """What the file says of one plugin."""

    origin: str
    state: dict[str, Any] | None
    lost: str


def save(session: Session, folder: Path) -> Exception | None:
    """Write the state of every plugin into the checkpoint in `folder`; every rank calls this, rank 0 writes.

    Returns what is to end the run: once the checkpoint is listed, which is whole but for the state of that plugin.
    """
    states, failure = session.lineup.state_dicts()
    if session.state.is_main:
        Inside(folder.parent).make(folder / FILE.parent)
        atomic.write(folder / FILE, dumps(states, indent=2) + "\n", folder.parent)
    return failure


def restore(session: Session, row: ManifestRow) -> None:
    """Restore the state of plugins; a checkpoint of a plain Trainer holds none. Raises `CallsheetError`."""
    path = row.path / FILE
    try:
        states = restored(typed.read(path, dict[str, SavedState], limit=typed.LARGE))
    except FileNotFoundError:
        session.run_dir.event("restored", checkpoint=relative(row.path, session.run_dir.path), plugins=[])
        return
    except (Malformed, Irregular) as error:
        raise CallsheetError(sentences(str(error), RESUME_ANOTHER)) from error
    saved_adapters.resume_alone(unwrapped(session.state), row.path, states)
    missing = session.lineup.load_state_dicts(states, row.step)
    for said in [*(f"{row.name} does not hold {what}" for what in missing.values()), *_dropped(session, row, states)]:
        session.run_dir.event("not_restored", checkpoint=row.name, what=said)
        if session.state.is_main:
            logger.warning("%s", said)
    whole = sorted(name for name in states if name not in missing and name not in session.lineup.absent)
    session.run_dir.event("restored", checkpoint=relative(row.path, session.run_dir.path), plugins=whole)


def _dropped(session: Session, row: ManifestRow, states: Mapping[str, SavedState]) -> Iterator[str]:
    """That the state of plugins is not taken along by a run that does not select them."""
    if names := [name for name in session.lineup.absent if states[name].get("state")]:
        yield f"{row.name} holds a state of {listed(names)}, not selected now: it stays there, and later ones lack it."


def row_of(folder: Path) -> ManifestRow:
    """The row of the checkpoint in `folder`, from the manifest beside it, or a bare row for a plain Trainer's."""
    return manifest(RunDir(folder.parent, is_main=False)).get(folder.name) or bare_row(folder)
