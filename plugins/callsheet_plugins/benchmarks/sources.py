"""What can be scored, each with a name that never comes to mean something else: a commit, or a snapshot's files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from callsheet.records import ManifestRow, Revision
from callsheet.rundir.revisions import holds_commit

LEFT_OUT = ("optimizer*", "scheduler*", "scaler*", "rng_state*", "training_args.bin", "trainer_state.json")


@dataclass(frozen=True)
class Source:
    """One model. With `files`, those are it; without, the repository is at the commit. `identity` names it for good."""

    identity: str
    files: Mapping[str, Path] = field(default_factory=dict)
    repo: str = ""
    commit: str | None = None
    branch: str = ""
    step: int | None = None
    checkpoint: str = ""
    weights: str = "raw"


def of_folder(folder: Path, identity: str, **where: object) -> Source:
    """A model folder as it is now; putting it into the outbox links its files."""
    return Source(identity, files_of(folder), **where)  # type: ignore[arg-type]  # the fields of a Source


def of_checkpoint(row: ManifestRow) -> Iterator[Source]:
    """The weights that train, and the model folders that other plugins put beside them, such as averaged weights."""
    if _is_model(row.path):
        yield of_folder(row.path, row.name, step=row.step, checkpoint=row.name)
    for folder in sorted(path for path in row.path.iterdir() if path.is_dir() and _is_model(path)):
        name = folder.name
        yield of_folder(folder, f"{name}-{row.step}", step=row.step, checkpoint=row.name, weights=name)


def of_revision(revision: Revision, run_dir: Path, base: Path | None) -> Source | None:
    """What was published, or None for a folder that has come to hold something else since.

    `base` is the local model below an adapter, which was not published: then the checkpoint is scored, if it is there.
    """
    where = {"repo": revision.repo, "commit": revision.commit, "branch": revision.branch, "step": revision.step}
    named = {"checkpoint": revision.checkpoint, "weights": revision.weights}
    identity = f"{revision.repo}@{revision.commit}"
    saved = run_dir / revision.checkpoint / ("" if revision.weights == "raw" else revision.weights)
    if revision.path is None and base and revision.checkpoint and _is_model(saved):
        return of_folder(saved, identity, **where, **named)
    if revision.path is None:
        return Source(identity, **where, **named)  # type: ignore[arg-type]  # the fields of a Source
    return of_folder(revision.path, identity, **where, **named) if holds_commit(revision) else None


def files_of(folder: Path) -> dict[str, Path]:
    """The files of a model folder, without what only a resumed training needs."""
    found = (path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith("."))
    return {path.name: path for path in found if not any(path.match(pattern) for pattern in LEFT_OUT)}


def _is_model(folder: Path) -> bool:
    return (folder / "config.json").is_file() or (folder / "adapter_config.json").is_file()
