"""What may stand in a command line, read from folders and entry points: runs, paths, plugins, failed entries."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

MOST_RUNS = 200
DEPTH = 4  # outputs/EXPERIMENT/RUN, or outputs/NAME/SWEEP/RUN
RUN, EXPERIMENT = "run.json", "experiment.json"


def paths(word: str, *, folders: bool = False) -> list[str]:
    """The files and folders that `word` can become; a folder ends in a slash. Names with spaces are left out."""
    start, slash, name = word.rpartition("/")
    place = Path(f"{start}{slash}").expanduser() if slash else Path()
    found = []
    for entry in _entries(place):
        hidden = entry.name.startswith(".") and not name.startswith(".")
        if entry.name.startswith(name) and not hidden and " " not in entry.name and (entry.is_dir() or not folders):
            found.append(f"{start}{slash}{entry.name}{'/' if entry.is_dir() else ''}")
    return sorted(found)


def experiments(word: str) -> list[str]:
    """The directories of experiments that `word` can become, as `runs`."""
    return runs(word, EXPERIMENT)


def runs(word: str, record: str = RUN) -> list[str]:
    """The runs that `word` can become, the newest first, and the folders on the way to others.

    Without a word, those below outputs/ and in this folder. `record` is the file that makes a folder one.
    """
    start, slash, _ = word.rpartition("/")
    place = Path(f"{start}{slash}").expanduser() if slash else Path()
    found = [run for run in _runs_below(place, DEPTH, record) if _typed(run, word).startswith(word)]
    known = [_typed(run, word) for run in sorted(found, key=lambda run: _age(run / record))[:MOST_RUNS]]
    ways = [path for path in paths(word, folders=True) if path.rstrip("/") not in known]
    return [*known, *ways] if word or not known else known


def runs_and_experiments(word: str) -> list[str]:
    """Either of them; what is one is no folder on the way to others."""
    found = [*experiments(word), *runs(word)]
    return [each for each in found if not (each.endswith("/") and each.rstrip("/") in found)]


def plugins(prefix: str, folders: Sequence[str] = ()) -> list[str]:
    """The plugins that a run may select, with the presets in `folders` of configurations."""
    from callsheet.plugins import entry_points
    from callsheet.plugins.groups import PLUGINS

    presets = sorted(path.stem for folder in folders for path in Path(folder).expanduser().glob("plugins/*.yaml"))
    return [name for name in (*entry_points.usable(PLUGINS), *presets) if name.startswith(prefix)]


def parts(prefix: str) -> list[str]:
    """What `callsheet plugins NAME` describes: plugins, engines, dispatchers, outbox kinds and commands."""
    from callsheet.plugins import entry_points
    from callsheet.plugins.groups import GROUPS

    return sorted({name for group in GROUPS for name in entry_points.installed(group) if name.startswith(prefix)})


def failed_entries(run: str, word: str) -> list[str]:
    """What `callsheet outbox retry RUN` can be given."""
    from callsheet.outbox.store import FAILED, EntryStore

    ids = sorted(EntryStore(Path(run).expanduser()).ids(FAILED))
    return [id for id in (*ids, *(["all"] if ids else [])) if id.startswith(word)]


def _runs_below(place: Path, depth: int, record: str) -> Iterator[Path]:
    """Folders with such a `record`, not looked into any further; nor are hidden ones, and links."""
    for entry in _entries(place):
        if not entry.is_dir(follow_symlinks=False) or entry.name.startswith("."):
            continue
        path = place / entry.name
        if (path / record).is_file():
            yield path
        elif depth > 1:
            yield from _runs_below(path, depth - 1, record)


def _typed(path: Path, word: str) -> str:
    """`path` in the words of who typed: from ~ where they wrote that, and with their leading ./"""
    text = str(path)
    if word.startswith("~"):
        return text.replace(str(Path("~").expanduser()), "~", 1)
    return f"./{text}" if word.startswith("./") and not text.startswith(("./", "/")) else text


def _age(record: Path) -> float:
    try:
        return -record.stat().st_mtime
    except OSError:
        return 0.0


def _entries(place: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as found:
            return [*found]
    except OSError:
        return []
