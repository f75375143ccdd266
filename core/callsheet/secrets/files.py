"""Secrets in files that are about to leave this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from callsheet.secrets.redaction import HIDDEN, redact_text
from callsheet.secrets.streams import kind_in

PIECE = 1 << 20
MOST = 256 << 20  # bytes of a file that are read: larger ones hold numbers
LONGEST_HEADER = 100 << 20  # of safetensors, as the format has it


def secret_in(files: Mapping[str, Path | str]) -> str:
    """Where `files`, by name, hold a secret, as in "config.json holds a token of Hugging Face", or an empty string.

    A file is a path, or text that is to become one. Its name is looked at as well. Of safetensors, the header is read,
    which holds the metadata; of any other file the first 256 MiB.
    """
    for name, file in files.items():
        if HIDDEN in name or redact_text(name) != name:
            return f"the name of {redact_text(name)} holds a secret"
        if kind := kind_in([file.encode()] if isinstance(file, str) else _pieces(file)):
            return f"{name} holds {kind}"
    return ""


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        left = MOST
        if path.suffix == ".safetensors":
            left = min(8 + int.from_bytes(file.read(8), "little"), LONGEST_HEADER)
            file.seek(0)
        while left > 0 and (piece := file.read(min(PIECE, left))):
            left -= len(piece)
            yield piece
