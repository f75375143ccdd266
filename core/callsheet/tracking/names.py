"""Names as a tracker takes them: the one place where signs are replaced and names are cut."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

DIGITS = 8


@dataclass(frozen=True)
class Names:
    """Which names a tracker takes: `forbidden` is a pattern of signs that become "_", `longest` counts characters."""

    forbidden: str = r"[\x00-\x1f\x7f]"
    longest: int = 250

    def fit(self, name: str) -> str:
        """`name` if the tracker takes it, else the nearest that it takes; a cut name ends in a hash of the whole.

        >>> Names(r"[^A-Za-z0-9_./ -]", 20).fit("train/loss (nats)")
        'train/loss _nats_'
        >>> Names(longest=20).fit("train/" + "x" * 99)
        'train/xxxxx-485e1a22'
        """
        taken = re.sub(self.forbidden, "_", name) or "_"
        return taken if len(taken) <= self.longest else self.told_apart(name)

    def told_apart(self, name: str) -> str:
        """The same with a hash, for names that would become one."""
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
        return f"{re.sub(self.forbidden, '_', name)[: self.longest - DIGITS - 1]}-{digest}"
