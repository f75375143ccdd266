"""What the system's refusal of a file means to a user: one sentence a kind, with path, owner and remedy."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from callsheet.disk.refusals import foreign_errors, free_space, permissions
from callsheet.disk.refusals.foreign_errors import Refusal
from callsheet.disk.refusals.free_space import FULL
from callsheet.disk.refusals.sentences import sentence
from callsheet.disk.regular import Irregular
from callsheet.errors import CallsheetError, PluginFailure, first_line

WORD = re.compile(r"""[^\s=,\[\]{}()'"]+""")

CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP, errno.EMLINK)  # whosever path it is
MISTAKEN = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY)  # if a user wrote it
# Where libraries keep files on their own, by the variable that says where.
HOMES = {
    **{"HF_DATASETS_CACHE": None, "HF_HUB_CACHE": None, "HF_HOME": "~/.cache/huggingface"},
    **{"XDG_CACHE_HOME": "~/.cache", "TMPDIR": None},
}
BROKEN = (errno.EIO, errno.ESTALE, errno.EREMOTEIO)
MOST_FILES = 50_000  # below a folder that are looked at: nobody means a whole disk


class Refused(CallsheetError):
    """The system refuses a path that the user can open, mend or replace by another."""


class DiskFailed(Exception):
    """A disk takes or gives no more, in the middle of work: full, a quota, or broken. Not the program's mistake."""


def explained(error: BaseException, near: Iterable[Path] = (), typed: Sequence[str] = ()) -> Exception | None:
    """`Refused` or `DiskFailed` in place of `error`, with its notes; None where it is no refusal of a user's path.

    `near` are places that were written to, for an error that does not say where. A path that is not there, or of the
    wrong kind, is the user's only if it lies at or below one in `typed`; anything else of that kind is our mistake.
    """
    if isinstance(error, (Refused, DiskFailed, CallsheetError)):
        return None
    if isinstance(error, Irregular):
        return Refused(_ended(str(error)))
    inner = error.__cause__ if isinstance(error, PluginFailure) else error
    made = _explained(inner, [*near], typed) if inner else None
    if made and isinstance(error, PluginFailure):
        made = DiskFailed(f"{made} {first_line(error)}")
    if made:
        made.__dict__.update({name: value for name, value in vars(error).items() if name == "__notes__"})
    return made


def _explained(error: BaseException, near: list[Path], typed: Sequence[str]) -> Exception | None:
    found = [*foreign_errors.refusals(error)]
    path = next((each.path for each in found if each.path), None)
    for each in found:
        if each.number is None and near and (why := free_space.refusal(near[0])) in BROKEN:
            return DiskFailed(sentence(why, near[0]))  # torch lost the reason of a short write, and the disk says it
        if each.number in FULL or (each.number is None and _is_full(near)):
            place = path or free_space.fullest([*near, *places()]) or Path.cwd()
            number = each.number or free_space.refusal(near[0]) or errno.ENOSPC
            return DiskFailed(free_space.sentence(place, number))
        if each.number in BROKEN and (broken := path or next(iter(near), None)):
            return DiskFailed(sentence(each.number, broken))
        if each.number in CLOSED and path:
            return Refused(f"{sentence(each.number, path)}{'' if _is_typed(path, typed) else _elsewhere(path)}")
        if each.number in MISTAKEN and path and _is_typed(path, typed):
            return Refused(sentence(each.number, path))
        if each.number in (errno.ENOTDIR, errno.EEXIST) and path and _elsewhere(path):
            return Refused(f"{sentence(each.number, path)}{_elsewhere(path)}")
        if each.number == errno.ENOENT and not path and not _has_folder():
            return Refused("The working directory of this shell was deleted. Change to one that exists: cd ~")
    return None


def said(error: OSError, path: Path | None = None) -> str:
    """`error` in a sentence; `path` is where it was met, if it does not say that itself."""
    found = foreign_errors.of(error) or Refusal(None, None)
    at = found.path or path
    if isinstance(error, CallsheetError):
        return _ended(str(error))
    return sentence(found.number, at) if found.number and at else _ended(first_line(error))


def _ended(said: str) -> str:
    return said if said.endswith((".", "?", ":")) else f"{said}."


@contextmanager
def at_door() -> Iterator[None]:
    """Turn an OSError inside into `Refused`. A full disk passes: it is nobody's mistake."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise
        raise Refused(said(error)) from error


def of_setting(setting: str, written: object, refusal: str) -> str:
    """`refusal` of what a user wrote into a setting; the path is not said twice.

    >>> of_setting("output_dir", "a/b", "a/b is a file, where a folder is needed.")
    'output_dir=a/b is a file, where a folder is needed.'
    """
    rest = refusal.removeprefix(f"{os.path.expanduser(str(written))} ")
    return f"{setting}={written} {rest}" if rest != refusal else f"{setting}={written}: {refusal}"


def unreadable(path: Path) -> str:
    """Why this process may not read what lies at `path`, or an empty string, also where nothing lies there."""
    try:
        found = os.stat(path)
        if stat.S_ISDIR(found.st_mode):
            os.scandir(path).close()
            os.stat(path / ".")
        elif stat.S_ISREG(found.st_mode):
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    except OSError as error:
        return "" if error.errno in (errno.ENOENT, errno.ENOTDIR) else said(error, path)
    return ""


def unreadable_below(folder: Path) -> str:
    """The same for `folder` and everything in it, at any depth; what a link in it names is looked at, not walked."""
    if wrong := unreadable(folder):
        return wrong
    seen = 0
    for above, folders, files in os.walk(folder):
        if (seen := seen + len(folders) + len(files)) > MOST_FILES:
            return ""
        closed = [name for name in (*folders, *files) if not permissions.may(Path(above, name), "r")]
        if wrong := next(filter(None, (unreadable(Path(above, name)) for name in closed)), ""):
            return wrong
    return ""


def unwritable(folder: Path) -> str:
    """Why this process cannot make or fill `folder`, or an empty string; writes nothing to find out."""
    nearest = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    try:
        os.stat(nearest)
    except OSError as error:  # a link that leads nowhere is in the way of a folder
        return sentence(errno.EEXIST if error.errno == errno.ENOENT else error.errno, nearest)
    if not nearest.is_dir():
        return sentence(errno.ENOTDIR, folder)
    if free_space.of_the_kernel(nearest):
        return free_space.sentence(folder)
    if os.statvfs(nearest).f_flag & os.ST_RDONLY:
        return sentence(errno.EROFS, folder)
    if not permissions.may(nearest, "rwx" if nearest == folder else "wx"):
        return sentence(errno.EACCES, folder)
    return free_space.sentence(folder) if free_space.is_scarce(folder) else ""


def unwritable_cache(name: str, variable: str) -> str:
    """Why Hugging Face's library `name` cannot write into its cache, which `variable` may move, and how to move it."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    cache = Path(os.environ.get(variable) or Path(home, name)).expanduser()
    said = unwritable(cache)
    return f"{said}{_elsewhere(cache)}" if said else ""


def places() -> list[Path]:
    """Where libraries write on their own."""
    return [Path(home).expanduser() for name, usual in HOMES.items() if (home := os.environ.get(name, usual))]


def _elsewhere(path: Path) -> str:
    """By which variable a library that writes at `path` on its own is sent elsewhere, for the end of a sentence."""
    for name, usual in HOMES.items():
        home = Path(os.environ.get(name) or usual or "/").expanduser()
        if home != Path("/") and (path.is_relative_to(home) or home.is_relative_to(path)):
            return f" Or set {name} to a folder that can be written."
    return ""


def _is_full(near: Sequence[Path]) -> bool:
    """Whether the disk of what was written last takes nothing more; an error that does not say why has that reason."""
    return bool(near) and (free_space.is_scarce(near[0]) or free_space.refusal(near[0]) in FULL)


def _has_folder() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _is_typed(path: Path, typed: Sequence[str]) -> bool:
    words = {os.path.abspath(os.path.expanduser(word)) for text in typed for word in WORD.findall(text)}
    at = Path(os.path.abspath(path))
    return any(str(each) in words for each in (at, *at.parents) if each not in (Path("/"), Path.cwd(), Path.home()))
