"""Whether a disk is full, or a quota used up: asked of the disk itself, because not every writer hands on its error."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SCARCE = 1 << 20  # bytes: less than this, and the next file finds no room
PROBE = 1 << 20
ENOUGH = 4  # where this part of a disk is free, it is not the one that is full
MOUNTS = "/proc/self/mounts"
# What the kernel shows as files, and what holds none of a user's.
OF_THE_KERNEL = (
    *("proc", "sysfs", "devpts", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs", "configfs", "pstore", "bpf"),
    *("mqueue", "binfmt_misc", "fusectl", "efivarfs", "selinuxfs", "rpc_pipefs", "autofs", "nsfs"),
)
UNITS = (("GB", 30), ("MB", 20), ("kB", 10))


def refusal(folder: Path) -> int | None:
    """The number of the error with which `folder` refuses a file of 1 MiB; None if it takes it. No file stays."""
    try:
        with tempfile.TemporaryFile(dir=_nearest(folder)) as file:
            os.posix_fallocate(file.fileno(), 0, PROBE)
            os.write(file.fileno(), b"-")
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno
    return None


def fullest(places: Iterable[Path]) -> Path | None:
    """The one of `places` whose disk has the least room."""
    known = [(left, number, place) for number, place in enumerate(places) if (left := _left(place)) is not None]
    return min(known)[2] if known else None


def of_the_kernel(place: Path) -> str:
    """The kind of the kernel's file system that `place` lies in, such as "proc"; empty in any other."""
    at, found = os.path.realpath(_nearest(place)), ("", "")
    with suppress(OSError):
        for line in Path(MOUNTS).read_text(encoding="utf-8", errors="replace").splitlines():
            _, where, kind, *_ = line.split(" ")
            if (at == where or at.startswith(f"{where.rstrip('/')}/")) and len(where) >= len(found[0]):
                found = where, kind
    return found[1] if found[1] in OF_THE_KERNEL else ""


def is_scarce(place: Path) -> bool:
    left = _left(place)
    return left is not None and left < SCARCE


def sentence(place: Path, number: int = errno.ENOSPC) -> str:
    """What is used up on the disk of `place`, and that it has to be freed."""
    if number == errno.EDQUOT:
        return f"Your quota on the disk of {place} is used up. Free space there, or have the quota raised."
    if number == errno.EFBIG:
        limit = _file_limit()
        return f"{place} would grow past the largest file that this process may write{limit}."
    found = os.statvfs(_nearest(place))
    if kind := of_the_kernel(place):
        return f"{place} lies in a file system of the kernel ({kind}), which holds no files. Name a place on a disk."
    if found.f_files and not found.f_favail:
        return f"The disk of {place} is full: it takes no more than {found.f_files:,} files. Delete some."
    free, total = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    beneath = ", or on what it lies on, such as a thin volume" if free > total / ENOUGH else ""
    return f"The disk of {place} is full ({_size(free)} free of {_size(total)}). Free space on it{beneath}."


def _left(place: Path) -> int | None:
    """The bytes that are left for this user; none where no further file fits."""
    try:
        found = os.statvfs(_nearest(place))
    except OSError:
        return None
    return 0 if found.f_files and not found.f_favail else found.f_bavail * found.f_frsize


def _nearest(place: Path) -> Path:
    """The folder that `place` lies in, or would."""
    above = Path(os.path.abspath(place))
    return next((each for each in (above, *above.parents) if os.path.isdir(each)), Path("/"))


def _size(number: int) -> str:
    name, shift = next(((name, shift) for name, shift in UNITS if number >= 1 << shift), ("bytes", 0))
    return f"{number / (1 << shift):.3g} {name}"


def _file_limit() -> str:
    import resource

    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return "" if limit == resource.RLIM_INFINITY else f": {_size(limit)}, by ulimit -f"
