"""Secrets in YAML as Hydra prints it."""

from __future__ import annotations

import re

from callsheet.secrets.known import remember
from callsheet.secrets.names import names_a_secret
from callsheet.secrets.redaction import HIDDEN, may_be_secret, redact_assignments, redact_text

ENTRY = re.compile(r"^(?P<indent> *(?:- )*)(?P<quote>['\"]?)(?P<key>[\w.@/-]+)(?P=quote):(?P<value> .*)?$")


def redact_yaml(text: str) -> str:
    """A configuration as Hydra prints it, without the values of keys that name a secret, however many lines they take.

    >>> redact_yaml("api_key: abc\\nname: x\\ntokens:\\n- a\\n- b\\n")
    'api_key: ***\\nname: x\\ntokens: ***\\n'
    """
    kept: list[str] = []
    hidden_below = None  # the indentation of a key whose value goes on in the next lines
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip(" "))
        if hidden_below is not None and (indent > hidden_below or line.startswith(f"{' ' * hidden_below}- ")):
            continue
        entry = ENTRY.match(line)
        hidden_below = None
        if entry and names_a_secret(entry["key"]) and _is_value(value := (entry["value"] or "").strip(), text, line):
            remember(value.strip("'\""))
            hidden_below = indent
            line = f"{entry['indent']}{entry['quote']}{entry['key']}{entry['quote']}: {HIDDEN}"
        kept.append(redact_assignments(line))
    return redact_text("\n".join(kept) + ("\n" if text.endswith("\n") else ""))


def _is_value(value: str, text: str, line: str) -> bool:
    """Whether a key with a secret's name holds one: interpolations are none, nor is a mapping."""
    if value:
        return may_be_secret(value)
    return "\n" in text and bool(re.search(rf"^{re.escape(line)}\n *- (?!\w+: )", text, re.M))
