"""A package that a test installs by a dist-info folder, for its own process and for every process started from it."""

import os
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from callsheet.plugins import entry_points


@contextmanager
def installed(site: Path, name: str, module: str, points: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """`name` with the source `module` and the entry points `points`, in the folder `site`, as long as the block lasts."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (site / f"{name}.py").write_text(textwrap.dedent(module))
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH")))))
    entry_points.forget()
    yield site
    entry_points.forget()
