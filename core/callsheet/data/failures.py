"""Errors of `datasets`, turned into messages that say what to do."""

from __future__ import annotations

import re

from callsheet.config.schema import SourceSettings
from callsheet.data.contents import look
from callsheet.data.files import is_local
from callsheet.disk import os_errors
from callsheet.errors import CallsheetError, did_you_mean, first_line


def explained(source: SourceSettings, error: Exception) -> Exception:
    """The user's mistake behind `error` of `datasets`, or the disk that its cache found full."""
    if refused := os_errors.explained(error, os_errors.places()):
        return refused
    return CallsheetError(_culprit(source) or _failure(source, error))


def _culprit(source: SourceSettings) -> str:
    """The problem with the first wrong line of a local file, or an empty string."""
    try:
        if is_local(source.path):
            look(source.path, quick=False)
    except CallsheetError as found:
        return str(found)
    return ""


def _failure(source: SourceSettings, error: Exception) -> str:
    """The meaning of `error` and a remedy. The message is parsed, because `datasets` uses one type for many errors."""
    said, what = f"{error.__cause__ or error}", f"Data set '{source.path}'"
    if found := re.search(r"Unknown split .* one of (\[.*\])|Bad split: .* Available splits: (\[.*\])", said):
        return f"{what} has no split '{source.split}'.{_choices(source.split, found[1] or found[2])}"
    if found := re.search(r"BuilderConfig .* not found. Available: (\[.*\])", said):
        return f"{what} has no configuration '{source.name}'.{_choices(source.name or '', found[1])}"
    if found := re.search(r"Config name is missing(?s:.*)available configs: (\[.*\])", said):
        return f"{what} has several configurations; choose one with `name`.{_choices('', found[1])}"
    if "gated" in said:
        return f"{what} is gated: accept its terms at https://huggingface.co/datasets/{source.path} and set HF_TOKEN."
    if type(error).__name__ == "DatasetNotFoundError":
        return (
            f"{what} does not exist on the Hub, or is private and HF_TOKEN gives no access to it. "
            "No local file has this name; a local path starts with './'."
        )
    if isinstance(error, ConnectionError):
        return f"{what} cannot be loaded: the Hub is out of reach or HF_HUB_OFFLINE is set. Use a file, or connect."
    return f"{what} could not be read: {first_line(error.__cause__ or error)}"


def _choices(word: str, listed: str) -> str:
    names = re.findall(r"'([^']*)'", listed)
    return f"{did_you_mean(word, names)} It has: {', '.join(names)}."
