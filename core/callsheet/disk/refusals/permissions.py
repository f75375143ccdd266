"""Who closed a path to this process, and what opens it: owner, mode and the command of `chmod`."""

from __future__ import annotations

import os
import shlex
import stat
from dataclasses import dataclass
from pathlib import Path

WANTED = {"r": os.R_OK, "w": os.W_OK, "x": os.X_OK}
MEANT = {"r": "cannot be read", "x": "cannot be reached", "w": "cannot be written"}


@dataclass(frozen=True)
class Closed:
    """The first thing on the way to a path that refuses this process, and the rights that it would need there."""

    path: Path
    rights: str

    @property
    def means(self) -> str:
        return MEANT[self.rights[0]]

    @property
    def why(self) -> str:
        """Owner and mode, and who asks."""
        found = self.path.stat()
        mode = f"{stat.S_IMODE(found.st_mode):04o} ({stat.filemode(found.st_mode)})"
        return f"belongs to {user(found.st_uid)} and has mode {mode}, and this process runs as {user(os.geteuid())}"

    @property
    def remedy(self) -> str:
        """What opens it, for its owner or for somebody who has to ask."""
        owner = self.path.stat().st_uid
        if owner == os.geteuid():
            return f"Open it (chmod u+{self.rights} {shlex.quote(str(self.path))})."
        command = f"chmod o+{self.rights} {shlex.quote(str(self.path))}"
        return f"Ask {user(owner)} to open it ({command}), or name another path."


def closed(path: Path) -> Closed | None:
    """What refuses `path` to this process; None where the rights say that nothing does, as on some network disks."""
    at = Path(os.path.realpath(path))
    last = Path("/")
    for above in (*reversed(at.parents), at):
        if not os.path.lexists(above):
            return None if may(last, "w") else Closed(last, "wx")
        if above != at and not may(above, "x"):
            return Closed(above, "x") if above.is_dir() else None
        last = above
    needed = ("r", "x", "w") if at.is_dir() else ("r", "w")
    lacking = next((right for right in needed if not may(at, right)), "")
    if lacking:
        return Closed(at, f"{lacking}x" if at.is_dir() and lacking != "x" else lacking)
    return None if may(at.parent, "w") else Closed(at.parent, "wx")


def user(number: int) -> str:
    """The name of a user, with the number where there is no name."""
    import pwd  # which Windows does without

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def may(path: Path, rights: str) -> bool:
    """Whether this process has all of `rights`, such as "rw", to what lies at `path`."""
    wanted = sum(WANTED[right] for right in rights)
    return os.access(path, wanted, effective_ids=os.access in os.supports_effective_ids)
