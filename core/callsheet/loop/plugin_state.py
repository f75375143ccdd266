"""The state of plugins inside a checkpoint: written when it is saved, restored when a run resumes from it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.errors import CallsheetError
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


def save(session: Session, folder: Path) -> Exception | None:
    """Write the state of every plugin into the checkpoint in `folder`; every rank calls this, rank 0 writes.

    Returns what is to end the run: once the checkpoint is listed, which is whole but for the state of that plugin.
    """
    states, failure = session.lineup.state_dicts()
    if session.state.is_main:
        (folder / FILE).parent.mkdir(exist_ok=True)
        atomic.write(folder / FILE, dumps(states, indent=2) + "\n")
    return failure


def restore(session: Session, row: ManifestRow) -> None:
    """Restore the state of plugins; a checkpoint of a plain Trainer holds none. Raises `CallsheetError`."""
    path = row.path / FILE
    if not path.exists():
        session.run_dir.event("restored", checkpoint=relative(row.path, session.run_dir.path), plugins=[])
        return
    try:
        states = restored(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CallsheetError(f"{path} is not JSON: {error}.") from error
    saved_adapters.resume_alone(unwrapped(session.state), row.path, states)
    missing = session.lineup.load_state_dicts(states)
    for what in missing.values():
        said = f"{row.name} does not hold {what}"
        session.run_dir.event("not_restored", checkpoint=row.name, what=said)
        if session.state.is_main:
            logger.warning("%s", said)
    whole = sorted(name for name in states if name not in missing)
    session.run_dir.event("restored", checkpoint=relative(row.path, session.run_dir.path), plugins=whole)


def row_of(folder: Path) -> ManifestRow:
    """The row of the checkpoint in `folder`, from the manifest beside it, or a bare row for a plain Trainer's."""
    return manifest(RunDir(folder.parent, is_main=False)).get(folder.name) or bare_row(folder)
