"""What a worker of such an experiment runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from callsheet.disk.os_errors import DiskFailed
from callsheet.errors import CallsheetError
from callsheet.experiments.queue.leases import Lease
from callsheet.experiments.workers import work
from callsheet.process import logs

from .made import command


def main(root: Path, options: dict[str, Any]) -> int:
    logs.show()
    if "lease" in options:
        options["lease"] = Lease(*options["lease"])
    try:
        return work(root, command, **options)
    except (CallsheetError, DiskFailed) as error:
        print(f"callsheet: {error}", file=sys.stderr)
        return 2 if isinstance(error, CallsheetError) else 1
