"""Values, texts and overrides without their secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from itertools import count
from pathlib import PurePath
from typing import Any, TypeVar

from callsheet.secrets.known import remember
from callsheet.secrets.names import names_a_secret
from callsheet.secrets.spans import spans

T = TypeVar("T")

HIDDEN = "***"
NO_SECRET = ("", "null", "None", "''", '""', "???", "{}", "[]", "true", "false", "True", "False", HIDDEN)
# Patterns are compiled when they are first used: many a command prints texts alone.
OVERRIDE = r"(?s)^([+~]*[\w./@-]+)=(.*)$"
# key=value, key: value and "key": "value", in an override, in a mapping of one line, and in what quotes them
NAME = r"(?<![\w./@-])[\"']?(?P<key>[\w./@-]{1,200})[\"']?\s{0,4}[=:]\s{0,4}"
VALUE = r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|\[[^\[\]\n]*\]|\$\{[^}\s]*\}|[^\s,'\"\[\]{}]+"


def redact(value: Any, key: str = "") -> Any:
    """`value` with secrets replaced, also in keys: by the name of their key, their shape, or because they are known.

    Paths become text and members of an Enum their names, so that JSON and YAML can hold the result.

    >>> redact({"hub_token": "x", "eos_token": "</s>", "url": "s3://me:pass@host/x"})
    {'hub_token': '***', 'eos_token': '</s>', 'url': 's3://***@host/x'}
    """
    if isinstance(value, Mapping):
        return redact_names({name: redact(item, str(name)) for name, item in value.items()})
    if isinstance(value, (list, tuple)):
        return [redact(item, key) for item in value]
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, PurePath):
        return redact_text(str(value))
    if not isinstance(value, str):
        return value
    if value and names_a_secret(key) and not value.startswith("${"):
        remember(value, f"the setting {key}")
        return HIDDEN
    return redact_text(value)


def redact_names(values: Mapping[Any, T]) -> dict[Any, T]:
    """`values` under names without secrets; names that become the same are numbered, so that none is lost.

    >>> redact_names({"loss of hf_" + "a" * 34: 1.5})
    {'loss of ***': 1.5}
    """
    if not spans("\n".join(name for name in values if isinstance(name, str))):
        return dict(values)
    kept: dict[Any, T] = {}
    for name, value in values.items():
        said = redact_text(name) if isinstance(name, str) else name
        copies = (f"{said}-{number}" for number in count(2))
        kept[said if said not in kept else next(copy for copy in copies if copy not in kept)] = value
    return kept


def redact_text(text: str) -> str:
    """`text` without anything that looks like a secret or that the environment holds under a secret's name."""
    parts, begin = [], 0
    for span in spans(text):
        parts += [text[begin : span.start], HIDDEN]
        begin = span.end
    return "".join([*parts, text[begin:]]) if parts else text


def redact_override(override: str) -> str:
    """A command-line override with its value hidden where the name of a key says that it is a secret."""
    match = re.match(OVERRIDE, override)
    if match and names_a_secret(match[1].rpartition(".")[2]) and may_be_secret(match[2]):
        for part in {match[2].strip("'\""), *re.split(r"[\s,'\"\[\]{}]+", match[2])}:  # a message may quote a part
            remember(part, f"the setting {match[1].lstrip('+~')}")
        return f"{match[1]}={HIDDEN}"
    return redact_text(redact_assignments(override))


def redact_command(arguments: Sequence[str]) -> list[str]:
    """The arguments of a program without secrets: `--api-key=x`, and `--api-key x`, too.

    >>> redact_command(["--api-key", "abc", "--seed", "1"])
    ['--api-key', '***', '--seed', '1']
    """
    before = ["", *arguments]
    flags = [item.startswith("-") and "=" not in item and names_a_secret(item) for item in before]
    return [
        HIDDEN if told and not item.startswith("-") else redact_override(item)
        for item, told in zip(arguments, flags, strict=False)
    ]


def redact_assignments(text: str) -> str:
    """`text` without the values of assignments whose name says that they are secrets, however short they are.

    For overrides and configurations, and for messages that quote them; prose has innocent words such as "token: a".
    """
    parts, begin = [], 0
    for name in re.finditer(NAME, text):
        if name.start() < begin or not names_a_secret(name["key"].rpartition(".")[2]):
            continue
        value = re.compile(VALUE).match(text, name.end())
        if value and may_be_secret(value[0]):
            remember(value[0].strip("'\""), f"the setting {name['key']}")
            parts += [text[begin : value.start()], HIDDEN]
            begin = value.end()
    return "".join([*parts, text[begin:]]) if parts else text


def may_be_secret(value: str) -> bool:
    """Whether text under a secret's name may be one: an interpolation tells nothing."""
    return value not in NO_SECRET and not value.startswith("$")
