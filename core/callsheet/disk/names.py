"""Names of files made from what a user, an engine or a plugin says: safe in every folder, and one for each text."""

from __future__ import annotations

import hashlib
import re

from callsheet.errors import CallsheetError

LONGEST = 100  # characters of what one can read; most file systems take 255 bytes
BYTES = 240  # of a name that is taken as it is: locks, drafts and downloads add endings
DIGITS = 16
PLAIN = re.compile(r"[A-Za-z0-9_=+@,][A-Za-z0-9_.=+@,]*")
UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]")


def file_name(*about: object) -> str:
    """A name for a file that says what it is about, whatever signs that has, and however many.

    What is not plain gets a hash, so two different texts, or two lists of them, never have one name. A name begins with
    no dot and no dash, and holds no separator.

    >>> file_name("gsm8k", None, 100), file_name("a/b", 3)
    ('gsm8k-100', 'a-b-3--65673659f1f54edd')
    """
    parts = [str(part) for part in about if part is not None]
    said = "-".join(parts)
    if parts and len(said) <= LONGEST and all(map(PLAIN.fullmatch, parts)):
        return said
    whole = "".join(f"{len(part)}:{part}" for part in parts)
    digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
    return f"{readable(said)}--{digest}".lstrip("-")


def readable(text: str, longest: int = LONGEST) -> str:
    """What of `text` may stand in a name; two texts may have one, and it may be empty.

    >>> readable("../me/model@main-step-100")
    'me-model@main-step-100'
    """
    return re.sub(r"[^A-Za-z0-9_.=+@,]+", "-", text)[: longest + 2].lstrip("-.")[:longest].rstrip("-.")


def one_part(name: str, what: str) -> str:
    """`name` itself, which is to be one part of a path; raises `CallsheetError` for one that is more, or hidden.

    >>> one_part("../x", "experiment")
    Traceback (most recent call last):
    callsheet.errors.CallsheetError: experiment='../x' cannot be the name of a folder: it holds a separator.
    """
    if wrong := _wrong_with(name):
        raise CallsheetError(f"{what}={name[:LONGEST]!r} cannot be the name of a folder: {wrong}.")
    return name


def _wrong_with(name: str) -> str:
    if not name:
        return "it is empty"
    if UNSAFE.search(name):
        return "it holds a separator" if "/" in name or "\\" in name else "it holds a control character"
    if name[0] in ".-":
        return f"it begins with {name[0]!r}"
    if len(name.encode("utf-8", "surrogatepass")) > BYTES:
        return f"it is longer than {BYTES} bytes"
    return ""
