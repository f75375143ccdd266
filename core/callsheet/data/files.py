"""The data files at a local path."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from callsheet.errors import CallsheetError, did_you_mean

FORMATS = {".jsonl": "json", ".json": "json", ".csv": "csv", ".parquet": "parquet"}
# `datasets` ignores these in a folder, too.
NO_DATA = {"config.json", "dataset_info.json", "dataset_infos.json"}


MOST_FILES = 50_000


def is_local(path: str) -> bool:
    """Whether `path` means a local file or folder; any other text is an id on the Hub."""
    at = Path(path).expanduser()
    return at.suffix in FORMATS or path.startswith((".", "/", "~")) or at.exists()


def files_of(path: str) -> list[Path]:
    """The file `path`, or the data files in the folder `path`; raises `CallsheetError` if there is none."""
    at = Path(path).expanduser()
    if at.is_dir():
        return _files_in(at)
    if not at.exists():
        raise CallsheetError(_missing(path, at))
    if at.suffix not in FORMATS:
        raise CallsheetError(f"The format of '{path}' is unknown: the name of a data file ends in {_endings()}.")
    return [at]


def _files_in(folder: Path) -> list[Path]:
    if (folder / "state.json").exists() or (folder / "dataset_dict.json").exists():
        raise CallsheetError(f"Folder '{folder}' was written by save_to_disk; write the data with to_parquet instead.")
    files = sorted(file for file in _below(folder) if _is_data(file.relative_to(folder)))
    formats = sorted({FORMATS[file.suffix] for file in files})
    if not files:
        raise CallsheetError(f"Folder '{folder}' holds no data file: no name in it ends in {_endings()}.")
    if len(formats) > 1 and not (folder / "README.md").exists():  # A README may say which files belong to the data.
        raise CallsheetError(f"Folder '{folder}' mixes {' and '.join(formats)}, and `datasets` would read only one.")
    return files


def _below(folder: Path) -> Iterator[Path]:
    """The files in `folder` and in the folders of it, but for hidden ones."""
    seen = 0
    for above, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        seen += len(files) + len(folders)
        if seen > MOST_FILES:
            raise CallsheetError(f"Folder '{folder}' holds more than {MOST_FILES:,} files. Name the one with the data.")
        yield from (Path(above, name) for name in files)


def _is_data(file: Path) -> bool:
    hidden = any(part.startswith((".", "__")) for part in file.parts)
    return file.suffix in FORMATS and file.name not in NO_DATA and not hidden


def _missing(path: str, at: Path) -> str:
    if not at.parent.is_dir():
        return f"Data file '{path}' does not exist, nor does its folder '{at.parent}'."
    return f"Data file '{path}' does not exist.{_nearest(path, at)}"


def _nearest(path: str, at: Path) -> str:
    """The file beside it that may be meant, as it would be typed."""
    names = [other.name for other in at.parent.iterdir()]
    return did_you_mean(at.name, names, before=path.removesuffix(at.name))


def _endings() -> str:
    return ", ".join(FORMATS)
