"""What somebody typed and Hydra could not mean, or would not survive: said before Hydra reads it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from math import ceil, isfinite
from typing import TYPE_CHECKING, Any

from callsheet.errors import CallsheetError
from callsheet.plugins import entry_points
from callsheet.plugins.groups import PLUGINS
from callsheet.screen import quoted
from callsheet.secrets import redact_override

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

    from callsheet.plugins.entry_points import Installed

LONGEST_KEY = 200
# Bytes that are no UTF-8, as Python holds them; both halves of a sign together are what JSON writes for an emoji.
LONE = re.compile("[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]")
ONE_NAME = ("model", "dataset", "trainer", "peft", "launch", "recipe")
NAMES = ("plugins",)
ONE_PLUGIN = re.compile(r"plugins\.[\w-]+")
DEEPEST = 50
DIGITS = re.compile(r"(?<![\w.])\d{400,}(?![\w.])")
MOST_RUNS = 10_000  # of a sweep
PLUGINS_AS = "write names, as in plugins=[bema,csv_metrics], or plugins=[] for none"


def refuse_unmeant(overrides: Sequence[str]) -> None:
    """Raise `CallsheetError` for the first of `overrides` that cannot be meant."""
    for item in overrides:
        if said := _wrong_with(item):
            raise CallsheetError(f"{quoted(redact_override(item))} {said}.")


def refuse_endless(overrides: Sequence[str]) -> None:
    """Raise `CallsheetError` if the sweep over `overrides` would make more runs than anybody waits for."""
    runs = 1.0
    for override in filter(None, map(_parsed, overrides)):
        runs *= _alternatives(override)
    if not runs <= MOST_RUNS:
        number = f"{int(runs):,} runs" if isfinite(runs) else "runs without end"
        raise CallsheetError(f"-m would make {number}; {MOST_RUNS:,} are the most. Sweep over fewer values.")


def unreadable_sign(override: str) -> str:
    """The first sign that Hydra reads in quotes only, and what to write, in a sentence; empty if there is none."""
    key, _, value = override.partition("=")
    sign = next((each for each in override if not each.isascii()), "")
    if not sign:
        return ""
    name = unicodedata.name(sign, f"U+{ord(sign):04X}")
    right = f" It may go in quotes: '{key}=\"{value}\"'." if key.isascii() and value[:1] not in "'\"" else ""
    return f"{quoted(override)} holds {quoted(sign)} ({name}), which is no plain letter.{right}"


def _wrong_with(item: str) -> str:
    key, equals, value = item.lstrip("+~").partition("=")
    if LONE.search(item):
        return "holds bytes that are no UTF-8 text"
    if len(key) > LONGEST_KEY or not key.isprintable():
        return "begins with what is no name of a setting"
    if value[:1] not in "'\"" and DIGITS.search(value):
        return "holds a number of too many digits"
    if value[:1] not in "'\"" and _depth(value) > DEEPEST:
        return f"is nested deeper than {DEEPEST} levels"
    if equals and ONE_PLUGIN.fullmatch(key) and not item.startswith("~"):
        return _wrong_settings(key, item)
    return _wrong_choice(key, item) if equals and key in (*ONE_NAME, *NAMES) else ""


def _depth(value: str) -> int:
    depth = deepest = 0
    for sign in value:
        depth += (sign in "[{(") - (sign in "]})")
        deepest = max(deepest, depth)
    return deepest


def _wrong_choice(key: str, item: str) -> str:
    """What is wrong with the value of a group of options: it takes one name, or for plugins a list of them."""
    override = _parsed(item.lstrip("+~"))
    for value in _values(override) if override else ():
        if key in ONE_NAME and not isinstance(value, str):
            return f"chooses no option of {key}: write one name, as in {key}={'sft' if key == 'trainer' else 'demo'}"
        if key in NAMES:
            names = value if isinstance(value, list) else [value]
            for name in names:  # one that Hydra takes for a value may be installed, and its package can rename it
                if not isinstance(name, str) and (found := _installed_as(name)):
                    raise CallsheetError(found.refusal)
            if not all(isinstance(name, str) for name in names):
                return f"names no plugins: {PLUGINS_AS}"
            if twice := next((name for name in names if names.count(name) > 1), ""):
                return f"names {twice} twice. Name it once"
    return ""


def _wrong_settings(key: str, item: str) -> str:
    """What is wrong with one value in place of a plugin's settings."""
    override = _parsed(item.lstrip("+"))
    if not override or all(isinstance(each, dict) or str(each).startswith("${") for each in _values(override)):
        return ""
    name = key.partition(".")[2]
    return f"is no setting: write {key}.SETTING=…; plugins=[…,{name}] selects the plugin, ~plugins={name} leaves it out"


def _installed_as(value: Any) -> Installed | None:
    """The plugin whose name Hydra takes for this value, such as None for null."""
    return entry_points.installed(PLUGINS).get("null" if value is None else str(value))


def _values(override: Override) -> Iterator[Any]:
    """The value, or those of a sweep, with text for what is quoted."""
    value: Any = override.value()
    alternatives = getattr(value, "list", None) if override.is_choice_sweep() else [value]
    if override.is_sweep_override() and alternatives is None:
        return
    for each in alternatives or ():
        yield _plain(each)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return getattr(value, "text", value)


def _alternatives(override: Override) -> float:
    if override.is_range_sweep():
        sweep: Any = override.value()
        start, stop, step = float(sweep.start or 0), float(sweep.stop or 0), float(sweep.step or 0)
        count = (stop - start) / step if step else float("inf")
        return max(ceil(count), 0) if isfinite(count) else float("inf")
    return len(getattr(override.value(), "list", [0])) if override.is_choice_sweep() else 1


def _parsed(item: str) -> Override | None:
    """None for what Hydra cannot read, which it will say itself."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    if item.startswith("-"):
        return None
    try:
        return OverridesParser.create().parse_override(item)
    except (HydraException, ValueError, RecursionError):
        return None
