"""Secrets that are known by their shape, wherever they stand.

No shape is longer than `known.LONGEST`, so that a stream of text need not be held back for longer. Each begins with its
literal text where it has one: the engine of `re` looks for that at the speed of memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple


class Shape(NamedTuple):
    """A pattern, whose group 1 is the secret, or all of it; texts without any of `words` cannot hold it."""

    kind: str
    words: tuple[str, ...]
    pattern: str
    flags: int


def _shape(kind: str, words: str, pattern: str, flags: int = 0) -> Shape:
    return Shape(kind, tuple(words.split()), pattern, flags | re.ASCII)


SHAPES = (
    _shape("a token of Hugging Face", "hf_", r"hf_(?<!\whf_)[A-Za-z0-9]{16,512}"),
    _shape("a token of Hugging Face", "api_org_", r"api_org_(?<!\wapi_org_)[A-Za-z0-9]{16,512}"),
    _shape("an API key that begins with sk-", "sk-", r"sk-(?<!\wsk-)[A-Za-z0-9_-]{16,512}"),
    _shape("a token of GitHub", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_(?<!\wgh[pousr]_)[A-Za-z0-9]{20,512}"),
    _shape("a token of GitHub", "github_pat_", r"github_pat_(?<!\wgithub_pat_)[A-Za-z0-9_]{20,512}"),
    _shape("a token of GitLab", "glpat-", r"glpat-(?<!\wglpat-)[A-Za-z0-9_-]{16,512}"),
    _shape("a token of Slack", "xox", r"xox[abeoprs]-(?<!\wxox[abeoprs]-)[A-Za-z0-9-]{16,512}"),
    _shape("a key of Google", "AIza", r"AIza(?<!\wAIza)[A-Za-z0-9_-]{35}(?![\w-])"),
    _shape("a key of AWS", "AKIA ASIA", r"A[KS]IA(?<!\wA[KS]IA)[0-9A-Z]{16}\b"),
    _shape("a key of wandb", "wandb_v", r"wandb_v\d_(?<!\wwandb_v\d_)[A-Za-z0-9_]{20,512}"),
    _shape(
        "a key of wandb",
        "andb ANDB",
        r"\bwandb[\w .:'\"-]{0,24}?(?:key|login)[\"']?[\s:=,\"']{1,8}([0-9a-f]{40})\b",
        re.I,
    ),
    _shape("a JSON web token", "eyJ", r"eyJ(?<!\weyJ)[\w-]{10,2048}\.eyJ[\w-]{10,4096}\.[\w-]{10,1024}"),
    _shape(
        "a private key",
        "PRIVATE",
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----((?:[A-Za-z0-9+/=\s:,-]|\\[nr]){16,8192})",
    ),
    _shape(
        "an Authorization header",
        "uthorization UTHORIZATION",
        # Authorization: Basic …, "authorization": "Bearer …", and [('authorization', 'token …')]; no placeholder of a
        # program, and no number of a vocabulary
        r"\b(?:proxy-)?authorization[\"']?\s{0,8}"
        r"(?:[:=,]\s{0,8}\[?[\"']?(?:basic|bearer|token|digest|negotiate|apikey)\s{1,8}|[:=]\s{0,8}\[?[\"']?)"
        r"(?![{$<%*]|-?[\d.]+\b)([^\s\"',;}\])\\]{8,4096})",
        re.I,
    ),
    _shape("a bearer token", "earer EARER", r"\bbearer\s{1,8}(?=\S{0,99}\d)([\w.~+/-]{20,4096}={0,2})", re.I),
    # user:password before the last @, where the password may hold a slash; the look ahead keeps it from being quadratic
    _shape(
        "a password in a URL",
        "://",
        r"://(?=[^\s\"'@]{1,768}@)([^\s\"'@/:]{0,256}:(?!\d{1,5}/)[^\s\"']{1,512})(?=@[\w.\[-])",
    ),
    _shape("a token in a URL", "://", r"://((?:[A-Za-z0-9_-]{20,256}|x-access-token|oauth2))(?=@[\w.-])"),
    _shape(
        "a signature in a URL",
        "ig= ature= oken= ential= key=",
        r"(?<=[?&;])((?:sig|signature|(?:access_|api_|hub_|hf_)?token|(?:api|access)_?key|"
        r"x-(?:amz|goog)-(?:signature|credential|security-token))=[^&\s\"'<>\\]{1,4096})",
        re.I,
    ),
)


def shaped(text: str) -> Iterator[tuple[int, int, str]]:
    """Where secrets begin and end in `text`, and of which kind they are."""
    for shape in SHAPES:
        if any(word in text for word in shape.words):
            pattern = _compiled(shape.pattern, shape.flags)
            group = min(pattern.groups, 1)
            for found in pattern.finditer(text):
                yield *found.span(group), shape.kind


@cache
def _compiled(pattern: str, flags: int) -> re.Pattern[str]:
    """Compiled when a text first has the words of it: all of them take as long as Python needs to start."""
    return re.compile(pattern, flags)
