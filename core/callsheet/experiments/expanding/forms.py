"""Overrides as an experiment's file writes them: a list, a mapping of settings, one text, or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from callsheet.errors import CallsheetError
from callsheet.screen import quoted

FORMS = "write overrides, as in [peft=lora, trainer.args.learning_rate=1e-4], or settings, as in {peft: lora}"
OWN = {
    "output_dir": "each arm lies in a folder of its own in the experiment's",
    "experiment": "an arm is no experiment",
    "resume": "an arm goes on from its own checkpoints",
    "branch": "an arm goes on from its own checkpoints",
    "hydra": "it is typed for the whole command",
}
BARE = re.compile(r"[A-Za-z_./][\w./:-]*", re.ASCII)  # which Hydra reads as text without quotes
VALUES = ("true", "false", "null", "inf", "nan")  # which it would not
INTERPOLATION = re.compile(r"\$\{[^{}]*\}")
SEVERAL = re.compile(r"^[^'\"\[{]*\s[+~]*[\w./@]+=")


def overrides_of(written: Any, where: str) -> tuple[str, ...]:
    """The overrides that `written`, the setting `where`, stands for; raises `CallsheetError` for what no arm can set.

    >>> overrides_of({"peft": "lora", "trainer": {"args": {"learning_rate": 1e-4}}}, "experiment.arms.big")
    ('peft=lora', 'trainer.args.learning_rate=0.0001')
    """
    found = tuple(_overrides(written, where))
    refuse_own(found, where)
    return found


def refuse_own(overrides: Sequence[str], where: str) -> None:
    """Raise `CallsheetError` for what the experiment settles for its arms, or Hydra for the command."""
    for item in overrides:
        section = re.split(r"[./@]", key_of(item))[0]
        if section in OWN:
            raise CallsheetError(f"{where} sets {quoted(item)}, but {OWN[section]}. Leave it out.")


def _overrides(written: Any, where: str) -> Iterator[str]:
    if isinstance(written, Mapping):
        yield from _of_settings(written, where)
    elif isinstance(written, (str, list)):
        for item in written if isinstance(written, list) else [written]:
            yield from _of_item(item, where)
    elif written is not None:
        raise CallsheetError(f"{where} is {written!r}, which is no override: {FORMS}.")


def override_of(key: str, value: Any) -> str | None:
    """What one would type to set `key`; None for the option null of a group that adds: `+plugins: [null, bema]`."""
    if value is None and key[0] in "+~":
        return None
    return f"{key}={text_of(value)}"


def text_of(value: Any) -> str:
    """A value in Hydra's grammar.

    >>> text_of([1e-4, True, None, "a b"]), text_of({"path": "a.jsonl"})
    ('[0.0001,true,null,"a b"]', '{path:a.jsonl}')
    """
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{text_of(item)}' for key, item in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(text_of, value))}]"
    return _quoted(str(value))


def key_of(override: str) -> str:
    """The setting that an override is for, without the signs before it."""
    return override.lstrip("+~").partition("=")[0]


def _of_item(item: Any, where: str) -> Iterator[str]:
    if isinstance(item, Mapping):
        yield from _of_settings(item, where)
    elif isinstance(item, str):
        yield _override(item, where)
    else:
        raise CallsheetError(f"{where} holds {quoted(item)}, which is no override: {FORMS}.")


def _of_settings(settings: Mapping[Any, Any], where: str, above: str = "") -> Iterator[str]:
    for key, value in settings.items():
        if not isinstance(key, str) or not key.strip("+~"):
            raise CallsheetError(f"{where} holds the key {quoted(key)}, which is no name of a setting.")
        path = f"{above}.{key}" if above else key
        if isinstance(value, Mapping) and value:
            yield from _of_settings(value, where, path)
        elif found := override_of(path, value):
            yield found


def _override(text: str, where: str) -> str:
    said = text.strip()
    if said.startswith("-"):
        raise CallsheetError(f"{where} holds {quoted(said)}: a flag is typed, and no override.")
    if "=" not in said and not said.startswith("~"):
        raise CallsheetError(f"{where} holds {quoted(said)}, which is no override: {FORMS}.")
    if SEVERAL.search(said):
        raise CallsheetError(f"{where} holds {quoted(said)}, which are several overrides: write a list of them.")
    return said


def _quoted(text: str) -> str:
    if (BARE.fullmatch(text) and text.lower() not in VALUES) or INTERPOLATION.fullmatch(text):
        return text
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', text)  # Hydra takes a backslash as it is, but for those before a quote
    return '"' + re.sub(r"(\\+)$", r"\1\1", escaped) + '"'
