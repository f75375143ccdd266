"""A plugin that imports a training library before training is named, with the seconds that it costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

IMPORTS = {
    "module": "import jax\nfrom callsheet import Plugin\nclass Sky(Plugin):\n    'Blue.'\n",
    "preflight": "from callsheet import Plugin, hookimpl\nclass Sky(Plugin):\n    'Blue.'\n"
    "    @hookimpl\n    def preflight(self, report):\n        import jax\n",
    "hook": "from callsheet import Plugin, hookimpl\nclass Sky(Plugin):\n    'Blue.'\n"
    "    @hookimpl\n    def on_run_start(self, ctx):\n        import jax\n",
}


@pytest.fixture
def said(tmp_path: Path):  # type: ignore[no-untyped-def]  # a function
    """What `callsheet check` says, in a process that has imported nothing heavy."""
    info = tmp_path / "callsheet_sky-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: callsheet-sky\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[callsheet.plugins]\nsky = x_sky_imports:Sky\n")
    (tmp_path / "jax.py").write_text("import time\ntime.sleep(0.3)\n")  # a library that takes its time

    def run(source: str) -> str:
        (tmp_path / "x_sky_imports.py").write_text(source)
        code = (
            f"import sys; sys.path.insert(0, {str(tmp_path)!r}); sys.argv = ['callsheet', 'check', 'recipe=demo', "
            "'plugins=[sky]']\nfrom callsheet.cli.main import cli\ncli.main(standalone_mode=False)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0 and "Nothing wrong found. Plugins: sky." in done.stdout, done.stderr
        return done.stderr

    return run


def test_a_module_that_imports_one_is_named_with_its_seconds(said) -> None:  # type: ignore[no-untyped-def]
    found = said(IMPORTS["module"])
    assert "warning: Plugin 'sky' from callsheet-sky 1.0 imports jax with its module, which took 0." in found
    assert "Import it inside the hook that needs it." in found


def test_a_preflight_that_imports_one_is_named(said) -> None:  # type: ignore[no-untyped-def]
    assert "warning: Plugin 'sky' imports jax in preflight, which took 0." in said(IMPORTS["preflight"])


def test_a_hook_of_the_run_may_import_what_it_likes(said) -> None:  # type: ignore[no-untyped-def]
    assert "jax" not in said(IMPORTS["hook"])
