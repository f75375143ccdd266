"""What each refusal of the system means for a path, in one sentence, with what its reader can do."""

from __future__ import annotations

import errno
import os
import shlex
import stat
from collections.abc import Callable
from pathlib import Path

from callsheet.disk.refusals import free_space, permissions
from callsheet.disk.refusals.free_space import FULL
from callsheet.disk.regular import kind
from callsheet.errors import did_you_mean, sentences

LONGEST = 255  # bytes, of one name
SHOWN = 60


def sentence(number: int | None, path: Path) -> str:
    """What it means that the system answered `number` for `path`, and what to do."""
    say = SAYS.get(number or 0)
    try:
        if number in FULL:
            return free_space.sentence(path, number)
        return say(path) if say else f"{_cut(path)}: {os.strerror(number or 0)}."
    except OSError:  # it has changed meanwhile
        return f"{_cut(path)}: {os.strerror(number or 0)}."


def _denied(path: Path) -> str:
    closed = permissions.closed(path)
    if closed is None:
        return f"{path} is refused: permission denied, though its mode says nothing against it. Ask who runs this disk."
    what = "it" if closed.path == Path(os.path.realpath(path)) else f"the folder {closed.path}"
    return sentences(f"{path} {closed.means}: {what} {closed.why}", closed.remedy)


def _not_permitted(path: Path) -> str:
    if closed := permissions.closed(path):
        return sentences(f"{path} {closed.means}: {closed.path} {closed.why}", closed.remedy)
    shown = shlex.quote(str(path))
    return f"{path} may not be changed, whatever its mode: it may be immutable (lsattr {shown}). Name another path."


def _read_only(path: Path) -> str:
    return f"{path} cannot be written: its file system is mounted read-only. Name a place that can be written."


def _no_folder(path: Path) -> str:
    if path.is_symlink() and not path.exists():
        return _dangling(path)
    above = Path(os.path.abspath(path))
    file = next((each for each in (above, *above.parents) if os.path.lexists(each) and not each.is_dir()), None)
    if file in (None, above):
        return f"{path} is {_kind(above)}, where a folder is needed."
    return f"{path} cannot be: {file} is {_kind(file)}, and no folder."


def _kind(path: Path) -> str:
    mode = path.stat().st_mode
    return "a file" if stat.S_ISREG(mode) else kind(mode)


def _is_folder(path: Path) -> str:
    return f"{path} is a folder, where a file is needed."


def _dangling(path: Path) -> str:
    return f"{path} is a symbolic link to {os.readlink(path)}, which does not exist. Make that, or remove the link."


def _missing(path: Path) -> str:
    if path.is_symlink():
        return _dangling(path)
    above = Path(os.path.abspath(path)).parent
    if not above.is_dir():
        return f"{path} does not exist, nor does its folder {above}."
    near = did_you_mean(path.name, os.listdir(above), before=str(path).removesuffix(path.name))
    return f"{path} does not exist.{near}"


def _long(path: Path) -> str:
    longest = max((len(os.fsencode(part)) for part in path.parts), default=0)
    if longest > LONGEST:
        return f"{_cut(path)} holds a name of {longest:,} bytes, and {LONGEST} are the most. Name a shorter one."
    return f"{_cut(path)} is a path of {len(os.fsencode(path)):,} bytes, which is too long. Name a shorter one."


def _circle(path: Path) -> str:
    try:
        os.stat(path)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return f"{path} is a symbolic link that leads back to itself. Remove it, or name what was meant."
    return f"{path} is a symbolic link, which is not followed here. Put the file itself in its place."


def _links(path: Path) -> str:
    return f"{path} has as many hard links or folders as its file system takes. Name another place."


def _broken(path: Path) -> str:
    return f"The disk of {path} fails to read or write (an input/output error). Ask who runs it, and try another one."


def _stale(path: Path) -> str:
    return f"The network disk of {path} has lost the file. Look whether it is mounted still, and try again."


def _cut(path: Path) -> str:
    text = str(path)
    return text if len(text) <= 4 * SHOWN else f"{text[:SHOWN]}…{text[-SHOWN:]}"


SAYS: dict[int, Callable[[Path], str]] = {
    errno.EACCES: _denied,
    errno.EPERM: _not_permitted,
    errno.EROFS: _read_only,
    errno.ENOTDIR: _no_folder,
    errno.EEXIST: _no_folder,
    errno.EISDIR: _is_folder,
    errno.ENOENT: _missing,
    errno.ENAMETOOLONG: _long,
    errno.ELOOP: _circle,
    errno.EMLINK: _links,
    errno.EIO: _broken,
    errno.EREMOTEIO: _broken,
    errno.ESTALE: _stale,
}
