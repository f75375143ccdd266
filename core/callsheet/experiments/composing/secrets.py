"""Secrets among overrides, which an experiment would write into the files of its arms, and into their names."""

from __future__ import annotations

from collections.abc import Sequence

from callsheet.config.overrides import as_typed
from callsheet.errors import CallsheetError
from callsheet.secrets import redact_override


def refuse_secrets(overrides: Sequence[str]) -> None:
    """Raise `CallsheetError` for the first of `overrides` that holds a secret."""
    for item in overrides:
        if redact_override(item) != item:
            key = as_typed(item).partition("=")[0]
            raise CallsheetError(
                f"{key} holds a secret, which an experiment would write into files. Set an environment variable to it, "
                f"and write '{key}=${{oc.env:VARIABLE}}'."
            )
