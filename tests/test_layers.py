"""The contracts of pyproject.toml about who imports whom, and the size of files and folders."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

from order import LONGEST

ROOT = Path(__file__).parent.parent
SOURCES = (ROOT / "core" / "callsheet", ROOT / "plugins" / "callsheet_plugins")
MOST_LINES, MOST_MODULES = 400, 12
FILES = sorted(path for source in SOURCES for path in source.rglob("*.py"))


def test_imports_keep_the_contracts_of_pyproject():
    # In a process of its own, since import-linter turns off the loggers of the process that calls it.
    call = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))"
    done = subprocess.run([sys.executable, "-c", call], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_has_grown_too_long():
    assert [str(path) for path in FILES if len(path.read_text(encoding="utf-8").splitlines()) > MOST_LINES] == []


def test_no_folder_holds_too_many_modules():
    modules = Counter(path.parent for path in FILES if not path.stem.startswith("__"))
    assert {str(folder): count for folder, count in modules.items() if count > MOST_MODULES} == {}


def test_the_tests_that_begin_first_are_there():
    assert [name for name in LONGEST if not (ROOT / "tests" / f"{name}.py").is_file()] == []
