"""Keep secrets out of what a run writes down."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

HIDDEN = "***"
MEMORABLE = 8  # shorter ones would be found in innocent words
SECRET_KEY = re.compile(
    r"(^|[_-])(tokens?|secrets?|passwords?|passwd|passphrase|credentials?|(api|access|private)_?keys?|auth|authorization|"
    r"bearer|cookies?|dsn|webhook(_url)?)$",
    re.I,
)
SECRET_VALUE = re.compile(
    r"\bhf_[A-Za-z0-9]{16,}|\bsk-[A-Za-z0-9_-]{16,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bAKIA[0-9A-Z]{16}\b"
    # in a URL: user:password before the last @, where the password may hold a slash, and signatures in the query
    r"|(?<=://)[^\s\"'@/:]+:(?!\d+/)[^\s\"']+(?=@[\w.-])"
    r"|(?<=[?&])(?:sig|signature|token|x-amz-signature|x-amz-credential|x-amz-security-token)=[^&\s\"']+",
    re.I,
)
VOCABULARY = re.compile(r"(^|_)(eos|bos|pad|unk|sep|cls|mask|image|stop|special|added|extra)_tokens?$")
OVERRIDE = re.compile(r"^([+~]*[\w./@-]+)=(.*)$", re.S)


_remembered: set[str] = set()  # hidden by name once, so that no error message brings it back


def redact(value: Any, key: str = "") -> Any:
    """`value` with secrets replaced: by the name of their key, by their shape, or because the environment holds them.

    Paths become text and members of an Enum their names, so that JSON and YAML can hold the result.

    >>> redact({"hub_token": "x", "eos_token": "</s>", "url": "s3://me:pass@host/x"})
    {'hub_token': '***', 'eos_token': '</s>', 'url': 's3://***@host/x'}
    """
    if isinstance(value, Mapping):
        return {name: redact(item, str(name)) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact(item, key) for item in value]
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, PurePath):
        return redact_text(str(value))
    if not isinstance(value, str):
        return value
    if value and _names_a_secret(key) and not value.startswith("${"):
        if len(value) >= MEMORABLE:
            _remembered.add(value)
        return HIDDEN
    return redact_text(value)


def redact_text(text: str) -> str:
    """`text` without anything that looks like a secret or that the environment holds under a secret's name."""
    named = (secret for name, secret in os.environ.items() if len(secret) >= MEMORABLE and _names_a_secret(name))
    for secret in sorted({*named, *_remembered}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return SECRET_VALUE.sub(HIDDEN, text)


def redact_override(override: str) -> str:
    """A command-line override with its value hidden when its key names a secret."""
    match = OVERRIDE.match(override)
    if match and _names_a_secret(match.group(1).rpartition(".")[2]):
        return f"{match.group(1)}={HIDDEN}"
    return redact_text(override)


def _names_a_secret(key: str) -> bool:
    """Tokens of a vocabulary are no secret: eos_token, stop_tokens, and the like."""
    return bool(SECRET_KEY.search(key)) and not VOCABULARY.search(key)
