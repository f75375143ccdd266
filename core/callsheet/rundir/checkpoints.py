"""The manifest of checkpoints: which are complete, which are torn, and which one a run resumes from."""

from __future__ import annotations

import stat
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from callsheet.disk.inside import Inside
from callsheet.errors import CallsheetError, counted, listed
from callsheet.records import FileRecord, ManifestRow, Revision
from callsheet.rundir import structure
from callsheet.rundir.hashes import Hashes, sha256
from callsheet.rundir.revisions import content_of, revision_of
from callsheet.rundir.rundir import CHECKPOINTS, RUN, RunDir
from callsheet.values import plain

ONE_SECOND = 1_000_000_000  # nanoseconds: some file systems keep whole seconds
WHOLE = 2  # so many that are whole and unlisted are no kill's work: it leaves one


@dataclass(frozen=True)
class Torn:
    """A checkpoint that cannot be resumed from, and why."""

    name: str
    fault: str


def with_files(row: ManifestRow) -> ManifestRow:
    """`row` with every file under it and its size; hashes follow later."""
    files = {str(path.relative_to(row.path)): FileRecord(path.stat().st_size) for path in structure.files(row.path)}
    return replace(row, files=files)


def with_hashes(row: ManifestRow, hashes: Hashes) -> ManifestRow | None:
    """`row` with the sha256 of every file, or None when the checkpoint was rotated away meanwhile."""
    try:
        files = {name: FileRecord(record.size, hashes.of(row.path / name)) for name, record in row.files.items()}
    except FileNotFoundError:
        return None
    return replace(row, files=files)


def record(run_dir: RunDir, row: ManifestRow, **more: Any) -> None:
    """Add `row` to the manifest; a later row of the same name takes its place, but for its revisions.

    `more` are fields of this line alone, which stay where they are.
    """
    extras = {"extras": plain(row.extras)} if row.extras else {}
    content = asdict(replace(row, revisions=(), extras={}))
    del content["revisions"], content["extras"]
    content |= {"path": str(row.path.relative_to(run_dir.path)), **extras, **more}
    run_dir.append(CHECKPOINTS, content, durable=True)


def published(run_dir: RunDir, revision: Revision) -> None:
    """Add to the manifest where a checkpoint was published."""
    run_dir.append(
        CHECKPOINTS, {"name": revision.checkpoint, "revision": content_of(revision, run_dir.path)}, durable=True
    )


def manifest(run_dir: RunDir, only: str = "") -> dict[str, ManifestRow]:
    """The latest row of every checkpoint that was ever complete, by name; or, in less time, of `only` this one."""
    rows: dict[str, ManifestRow] = {}
    revisions: dict[str, dict[str, Revision]] = defaultdict(dict)
    for content in run_dir.rows(CHECKPOINTS, holding=f'"{only}"' if only else ""):
        if only and content["name"] != only:
            continue
        if revision := content.get("revision"):
            published = revision_of(revision, run_dir.path)
            revisions[content["name"]][published.commit] = published
        elif "files" in content:
            rows[content["name"]] = _row(run_dir, content)
    return {name: replace(row, revisions=tuple(revisions[name].values())) for name, row in rows.items()}


def survey(run_dir: RunDir) -> tuple[list[ManifestRow], list[Torn]]:
    """Complete checkpoints on disk, newest first, and torn ones. Sizes only; `fault(deep=True)` reads the files."""
    rows, complete, torn = manifest(run_dir), [], []
    for folder in sorted(run_dir.path.glob("checkpoint-*"), key=step_of, reverse=True):
        row = rows.get(folder.name)
        if row and _is_model_only(row):
            continue  # it is what its run wanted, and nothing to move aside
        if wrong := fault(row) if row else "it was never finished: the manifest does not list it":
            torn.append(Torn(folder.name, wrong))
        elif row:
            complete.append(row)
    return complete, torn


def model_only(run_dir: RunDir) -> list[ManifestRow]:
    """Checkpoints on disk that were saved without an optimizer on purpose (`save_only_model`), newest first."""
    found = [row for row in manifest(run_dir).values() if _is_model_only(row) and row.path.is_dir()]
    return sorted(found, key=lambda row: row.step, reverse=True)


def fault(row: ManifestRow, *, deep: bool = False) -> str:
    """Why `row` cannot be resumed from, or an empty string; `deep` also reads every file and compares its hash."""
    for name, expected in row.files.items():
        path = row.path / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != expected.size:
            return f"{name} has {counted(path.stat().st_size, 'byte')} instead of {expected.size}"
        if deep and expected.sha256 and sha256(path) != expected.sha256:
            return f"the content of {name} has changed since it was saved"
    return structure.fault(row.path)


def bare_row(folder: Path) -> ManifestRow:
    """A row for a checkpoint that a plain Trainer saved. Raises `CallsheetError` where its state cannot be read."""
    try:
        state = structure.trainer_state(folder)
    except ValueError as error:
        raise CallsheetError(f"{folder} cannot be resumed from: {error}.") from error
    return ManifestRow(folder.name, state.global_step, state.epoch or 0.0, folder)


def choose(resume: str, run_dir: RunDir, *, deep: bool = True) -> tuple[ManifestRow | None, list[Torn]]:
    """The checkpoint that `resume` (auto, never or a path) means, and the torn ones it passed over.

    `deep` reads every file of the chosen one. Raises `CallsheetError` for a path that cannot be resumed from, offering
    the newest complete checkpoint beside it, and where a damaged manifest would have training begin anew.
    """
    if resume == "never":
        return None, []
    if resume != "auto":
        return _named(Path(resume).expanduser().absolute(), deep=deep), []
    complete, torn = survey(run_dir)
    for row in complete:
        if wrong := fault(row, deep=True) if deep else "":
            torn.append(Torn(row.name, wrong))
        else:
            return row, torn
    if wrong := _damaged(run_dir, torn):
        raise CallsheetError(f"{wrong} Mend it, or begin anew with resume=never.")
    return None, torn


def _damaged(run_dir: RunDir, torn: list[Torn]) -> str:
    """What is wrong with a manifest by which no checkpoint that lies there is complete; empty if nothing is."""
    whole = [one.name for one in torn if not structure.fault(run_dir.path / one.name)]
    if not whole:
        return ""
    if said := run_dir.first_wrong(CHECKPOINTS):
        return f"{said}. By the other lines, no checkpoint is complete, though {listed(whole)} seems to be."
    if len(whole) < WHOLE or any(run_dir.rows(CHECKPOINTS)):
        return ""
    return f"{run_dir.path / CHECKPOINTS} lists no checkpoint, though {listed(whole)} lie there."


def step_of(folder: Path) -> int:
    number = folder.name.rpartition("-")[2]
    return int(number) if number.isascii() and number.isdigit() else -1


def _named(folder: Path, *, deep: bool) -> ManifestRow:
    if not folder.is_dir():
        raise CallsheetError(f"resume={folder} does not exist.{_offer(folder, deep=deep)}")
    if inside := sorted(folder.glob("checkpoint-*"), key=step_of):  # its weights and state are those of the end
        goes_on = f" To go on with this run, set output_dir={folder}." if (folder / RUN).exists() else ""
        raise CallsheetError(f"resume={folder} is a run. Name one of its checkpoints: resume={inside[-1]}.{goes_on}")
    row = manifest(RunDir(folder.parent)).get(folder.name)
    wrong = fault(row, deep=deep) if row else structure.fault(folder)
    if not row and not wrong and (folder.parent / CHECKPOINTS).exists():
        wrong = "it was never finished: the manifest does not list it"
    if wrong:
        weights = f" Its weights serve as model.path={folder}." if "no optimizer" in wrong else ""
        raise CallsheetError(f"resume={folder} cannot be resumed from: {wrong}.{weights}{_offer(folder, deep=deep)}")
    return row or bare_row(folder)


def _offer(folder: Path, *, deep: bool) -> str:
    complete, _ = survey(RunDir(folder.parent)) if folder.parent.is_dir() else ([], [])
    other = next((row for row in complete if row.path != folder and not fault(row, deep=deep)), None)
    return (
        f" The last complete checkpoint is resume={other.path}."
        if other
        else " There is no complete checkpoint beside it; resume= takes auto, never, or the path of a checkpoint."
    )


def _is_model_only(row: ManifestRow) -> bool:
    return any(map(structure.WEIGHTS.search, row.files)) and not any(map(structure.is_of_optimizer, row.files))


def _row(run_dir: RunDir, content: dict[str, Any]) -> ManifestRow:
    files = {name: FileRecord(entry["size"], entry.get("sha256")) for name, entry in content["files"].items()}
    path = run_dir.path.joinpath(*run_dir.inside.parts(content["path"]))
    known = (content["name"], content["step"], content["epoch"], path, files)
    return ManifestRow(*known, extras=extras if isinstance(extras := content.get("extras"), dict) else {})


def make_latest(folder: Path) -> None:
    """Let the checkpoint that was saved last be the latest by its time, too, whatever the clock has done meanwhile.

    Checkpoints are deleted in the order of their times, which a clock that was set back, or a link, would upset.
    """
    inside, times = Inside(folder.parent), []
    for name in inside.names():
        if name.startswith("checkpoint-") and name != folder.name and (found := inside.stat(name)):
            if stat.S_ISLNK(found.st_mode):
                inside.remove(name)
            else:
                times.append(found.st_mtime_ns)
    saved, latest = inside.stat(folder), max(times, default=0)
    if saved and saved.st_mtime_ns <= latest:
        inside.touch(folder, at=latest + ONE_SECOND)


def put_aside(folder: Path) -> None:
    """Move a torn checkpoint out of the way; where it is a link, only the link moves."""
    inside, shelf = Inside(folder.parent), folder.parent / "torn"
    inside.make(shelf)
    place = shelf / folder.name
    number = 1
    while inside.stat(place):
        place = shelf / f"{folder.name}.{number}"
        number += 1
    inside.rename(folder, place)
