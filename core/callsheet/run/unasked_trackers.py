"""Keeps transformers from importing a tracker that nobody asked for: it imports Comet wherever it is installed."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from callsheet.values import names_of

COMET = "comet_ml"
IMPORTS_IT = "transformers.integrations.integration_utils"


def leave_out(report_to: Any) -> None:
    """Import transformers as if Comet were not installed, unless `trainer.args.report_to` names it.

    comet_ml wraps functions of other libraries when it is imported, and calls its own server when the process ends.
    transformers imports it for `report_to` alone (5.23, integration_utils.py, line 68), and the plugin `comet` has a
    process of its own. Does nothing where either is imported already, as in a script.
    """
    if {COMET, "all"} & {*names_of(report_to)} or COMET in sys.modules or IMPORTS_IT in sys.modules:
        return
    sys.modules[COMET] = None  # type: ignore[assignment]  # how Python says that there is no such module
    try:
        import_module(IMPORTS_IT)
    finally:
        del sys.modules[COMET]
