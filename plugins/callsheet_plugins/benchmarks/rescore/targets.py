"""What `callsheet bench` is pointed at: a run, one of its checkpoints, a model folder, or a repository on the Hub."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from callsheet.errors import CallsheetError, did_you_mean, first_line
from callsheet.model_files.adapters import CONFIG as ADAPTER
from callsheet.model_files.adapters import base_folder
from callsheet.outbox import Hashes
from callsheet.privates.huggingface_hub import http_library
from callsheet.records import ManifestRow
from callsheet.rundir import checkpoints, rundir
from callsheet.rundir.rundir import RunDir
from callsheet_plugins.benchmarks.rescore.content import content_of, differs
from callsheet_plugins.benchmarks.sources import Source, of_checkpoint, of_folder, of_revision

ASK_SECONDS = 20.0
CONFIG = "config.json"
BENCH = Path("outputs") / "bench"  # below the current folder, as runs are
HASHES = Path("outputs") / ".bench"  # so that the weights are read once
SHORT = 16


@dataclass(frozen=True)
class Target:
    """The models to score, and the run directory they belong to.

    A model that belongs to no run has a small one of its own, which its content names: so its scores are found again.
    """

    name: str
    sources: tuple[Source, ...]
    run_dir: Path
    is_run: bool = True


def find(target: str, revision: str) -> Target:
    """What `target` names; raises `CallsheetError` when that is nothing that can be scored."""
    path = Path(os.path.expanduser(target)).absolute()
    if os.path.lexists(path / rundir.RUN):
        rundir.require_run(path)
        return _of_run(path)
    if (path.parent / rundir.RUN).is_file() and path.name in _rows(path.parent):
        return Target(path.name, tuple(_of_row(_rows(path.parent)[path.name])), path.parent)
    if (path / CONFIG).is_file() or (path / ADAPTER).is_file():
        return _of_folder(path)
    if path.exists() or (path.parent != Path.cwd() and path.parent.is_dir()) or target.count("/") != 1:
        raise CallsheetError(f"{target} is no run, no model folder and no repository on the Hub.{_sibling(path)}")
    commit = _commit(target, revision)
    source = Source(f"{target}@{commit}", repo=target, commit=commit, branch=revision)
    return Target(target, (source,), BENCH / f"{target.replace('/', '--')}-{commit[:SHORT]}", is_run=False)


def _of_folder(path: Path) -> Target:
    with suppress(OSError):  # then they are read each time
        HASHES.mkdir(parents=True, exist_ok=True)
    content = content_of(path, Hashes(HASHES))
    return Target(path.name, (of_folder(path, content, commit=content),), BENCH / content[:SHORT], is_run=False)


def _of_run(path: Path) -> Target:
    rows = _rows(path)
    sources = [source for row in rows.values() for source in _of_row(row)]
    if not any(row.revisions for row in rows.values()):  # what is published, is so with the averages
        sources += _artifacts(path)
    if not sources:
        raise CallsheetError(f"{path} holds no checkpoint any more, and none was published.")
    return Target(path.name, tuple(sources), path)


def _of_row(row: ManifestRow) -> Iterator[Source]:
    """The revisions of a checkpoint, as they were scored during the run; else what lies on the disk."""
    run_dir = row.path.parent
    base = base_folder(RunDir(run_dir, is_main=False).config(), run_dir) if row.revisions else None
    published = [source for revision in row.revisions if (source := of_revision(revision, run_dir, base))]
    yield from published
    if not published and row.path.is_dir():
        yield from (_as_it_is(source, row) for source in of_checkpoint(row))


def _as_it_is(source: Source, row: ManifestRow) -> Source:
    """`source`, called by its content where somebody has changed the checkpoint since the run saved it."""
    hashes = Hashes(row.path.parent)  # of the run, which may have hashed them
    if not differs(row, source.files, hashes):
        return source
    content = content_of(next(iter(source.files.values())).parent, hashes)
    return replace(source, identity=f"{source.identity}@{content}", commit=content)


def _artifacts(path: Path) -> Iterator[Source]:
    run = RunDir(path, is_main=False).run()
    step = (run.get("outcome") or {}).get("step")
    for name, place in (run.get("artifacts") or {}).items():
        if (path / place / CONFIG).is_file():
            yield of_folder(path / place, f"{name}-{step}", step=step, weights=name)


def _rows(run_dir: Path) -> dict[str, ManifestRow]:
    return checkpoints.manifest(RunDir(run_dir, is_main=False))


def _commit(repo: str, revision: str) -> str:
    """The commit that a branch or tag is at now."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        return str(HfApi().model_info(repo, revision=revision, timeout=ASK_SECONDS).sha)
    except HFValidationError as error:
        raise CallsheetError(f"{repo} is no name of a repository on the Hub.") from error
    except HfHubHTTPError as error:
        said = first_line(error.server_message or error)
        raise CallsheetError(f"The Hub has no {repo} at revision {revision!r}: {said}.") from error
    except (http_library().HTTPError, OSError, OfflineModeIsEnabled) as error:
        raise CallsheetError(f"The Hub could not be asked for {repo}: {type(error).__name__}: {error}") from error


def _sibling(path: Path) -> str:
    try:
        return did_you_mean(
            path.name, [entry.name for entry in path.parent.iterdir() if entry.is_dir() and entry != path]
        )
    except OSError:
        return ""
