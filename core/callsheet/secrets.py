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
VOCABULARY = re.compile(
    r"(^|_)(eos|bos|pad|unk|sep|cls|mask|image|stop|special|added|extra)_tokens?$|(^|_)(max|min|num)(_[a-z]+)?_tokens$"
)
ENTRY = re.compile(r"^(?P<indent> *(?:- )*)(?P<quote>['\"]?)(?P<key>[\w.@/-]+)(?P=quote):(?P<value> .*)?$")
ASSIGNMENT = re.compile(r"(?P<key>[\w./@-]+)=(?P<value>[^\s,'\"\]}]+)")
NO_SECRET = ("", "null", "''", '""', "???", "{}", "[]", "true", "false")
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
    if match and _names_a_secret(match.group(1).rpartition(".")[2]) and _may_be_secret(match.group(2)):
        return f"{match.group(1)}={HIDDEN}"
    return redact_text(override)


def _names_a_secret(key: str) -> bool:
    """Tokens of a vocabulary are no secret: eos_token, stop_tokens, and the like."""
    return bool(SECRET_KEY.search(key)) and not VOCABULARY.search(key)


def redact_yaml(text: str) -> str:
    """A configuration as Hydra prints it, without the values of keys that name a secret, however many lines they take.

    >>> redact_yaml("api_key: abc\nname: x\ntokens:\n- a\n- b\n")
    'api_key: ***\nname: x\ntokens: ***\n'
    """
    kept: list[str] = []
    hidden_below = None  # the indentation of a key whose value goes on in the next lines
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip(" "))
        if hidden_below is not None and (indent > hidden_below or line.startswith(f"{' ' * hidden_below}- ")):
            continue
        entry = ENTRY.match(line)
        hidden_below = None
        if entry and _names_a_secret(entry["key"]) and _is_value(value := (entry["value"] or "").strip(), text, line):
            _remember(value)
            hidden_below = indent
            line = f"{entry['indent']}{entry['quote']}{entry['key']}{entry['quote']}: {HIDDEN}"
        kept.append(ASSIGNMENT.sub(_assignment, line))
    return redact_text("\n".join(kept) + ("\n" if text.endswith("\n") else ""))


def _is_value(value: str, text: str, line: str) -> bool:
    """Whether a key with a secret's name holds one: interpolations are none, nor is a mapping."""
    if value:
        return _may_be_secret(value)
    return "\n" in text and bool(re.search(rf"^{re.escape(line)}\n *- (?!\w+: )", text, re.M))


def _assignment(found: re.Match[str]) -> str:
    key, value = found["key"], found["value"]
    if not _names_a_secret(key.rpartition(".")[2]) or not _may_be_secret(value):
        return found[0]
    _remember(value)
    return f"{key}={HIDDEN}"


def _may_be_secret(value: str) -> bool:
    """Whether text under a secret's name may be one: an interpolation tells nothing."""
    return value not in NO_SECRET and not value.startswith("$")


def _remember(value: str) -> None:
    if len(value) >= MEMORABLE:
        _remembered.add(value.strip("'\""))
