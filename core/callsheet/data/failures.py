"""Why `datasets` could not read a data set, in words that say what to do."""

from __future__ import annotations

import re

from callsheet.config.schema import SourceSettings
from callsheet.data.contents import look
from callsheet.data.files import is_local
from callsheet.errors import CallsheetError, did_you_mean, first_line


def explained(source: SourceSettings, error: Exception) -> CallsheetError:
    """`error` of `datasets` as the mistake behind it."""
    return CallsheetError(_culprit(source) or _failure(source, error))


def _culprit(source: SourceSettings) -> str:
    """The line that is wrong, wherever it stands in a file on this machine, or an empty string."""
    try:
        if is_local(source.path):
            look(source.path, quick=False)
    except CallsheetError as found:
        return str(found)
    return ""


def _failure(source: SourceSettings, error: Exception) -> str:
    """What `error` of `datasets` means, and what to do; its texts tell apart what its types do not."""
    said, what = f"{error.__cause__ or error}", f"Data set '{source.path}'"
    if found := re.search(r"Unknown split .* one of (\[.*\])", said):
        return f"{what} has no split '{source.split}'.{_choices(source.split, found[1])}"
    if found := re.search(r"BuilderConfig .* not found. Available: (\[.*\])", said):
        return f"{what} has no configuration '{source.name}'.{_choices(source.name or '', found[1])}"
    if found := re.search(r"Config name is missing(?s:.*)available configs: (\[.*\])", said):
        return f"{what} has several configurations; choose one with `name`.{_choices('', found[1])}"
    if "gated" in said:
        return f"{what} is gated: accept its terms at https://huggingface.co/datasets/{source.path} and set HF_TOKEN."
    if type(error).__name__ == "DatasetNotFoundError":
        return (
            f"{what} does not exist on the Hub, or is private and HF_TOKEN does not open it. "
            "If a file is meant, there is none here; a path starts with './'."
        )
    if isinstance(error, ConnectionError):
        return f"{what} cannot be had: the Hub is out of reach or HF_HUB_OFFLINE is set. Give a local file, or connect."
    return f"{what} could not be read: {first_line(error.__cause__ or error)}"


def _choices(word: str, listed: str) -> str:
    names = re.findall(r"'([^']*)'", listed)
    return f"{did_you_mean(word, names)} It has: {', '.join(names)}."
