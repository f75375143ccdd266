"""Names for elements of the page, made of what users called things."""

from __future__ import annotations

import re
from hashlib import sha256

LONGEST = 60


def anchor(*about: object) -> str:
    """An id for what `about` says: the same each time, and another for each other text, whatever stands in it."""
    said = "-".join(map(str, about))
    plain = re.sub(r"[^a-z0-9]+", "-", said.lower()).strip("-")[:LONGEST]
    if plain and plain == said:
        return plain
    digest = sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{plain}-{digest}" if plain else digest
