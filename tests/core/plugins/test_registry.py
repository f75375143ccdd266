"""Which plugins are installed, and what is said when one cannot be used."""

import subprocess
import sys
from pathlib import Path

import pytest

from callsheet import API_VERSION
from callsheet.config.compose import compose
from callsheet.errors import CallsheetError
from callsheet.plugins import entry_points, registry
from callsheet.plugins.registry import find, installed, load

MOON = "from callsheet import Plugin\nclass Moon(Plugin):\n    '''Shine.'''\n"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a distribution on the path as an installer would leave it."""

    def put(name, source, entry=None, version="1.0", module=None, metadata=""):
        module = module or name.replace("-", "_")
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{module}.py").write_text(source)
        info = folder / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}")
        (info / "entry_points.txt").write_text(f"[callsheet.plugins]\n{entry or f'moon = {module}:Moon'}\n")
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, module, raising=False)
        entry_points.forget()

    yield put
    entry_points.forget()


def test_builtins_enter_by_the_same_door_as_everybody():
    assert {"bema", "csv_metrics", "early_stopping", "exact_match", "print_progress", "progress"} <= set(installed())
    assert installed()["bema"].distribution == "callsheet"


def test_a_plugin_of_another_distribution_is_found_and_loaded(install):
    install("callsheet-moon", MOON)
    assert load("moon").__name__ == "Moon"
    assert find("moon").origin == "callsheet-moon 1.0"


def test_settings_in_an_init_are_told_to_be_fields_before_they_are_called_unknown(install):
    install("callsheet-moon", MOON + "    def __init__(self, freq: int = 10):\n        self.freq = freq\n")
    for what in (lambda: load("moon"), lambda: compose(["plugins=[moon]", "plugins.moon.freq=5"])):
        with pytest.raises(CallsheetError) as refusal:
            what()
        assert "Plugin 'moon' from callsheet-moon 1.0: it defines __init__, but settings are fields" in str(
            refusal.value
        )
        assert "Write `freq: int = setting(10)` in the class." in str(refusal.value)


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(
        CallsheetError, match=r"No plugin named 'bemo' is installed\. Did you mean 'bema'\? Installed: bema,"
    ):
        load("bemo")


def test_two_distributions_with_one_name_are_both_named(install):
    install("callsheet-moon", MOON, version="1.0")
    install("other-moon", MOON, version="2.3")
    with pytest.raises(CallsheetError) as refusal:
        load("moon")
    assert "callsheet-moon 1.0" in str(refusal.value) and "other-moon 2.3" in str(refusal.value)
    assert load("bema"), "a conflict that a run does not select is none of its business"


def test_a_missing_package_is_named_with_the_extra_that_brings_it(install):
    metadata = "Provides-Extra: cloud\nRequires-Dist: moonlight>=2 ; extra == 'cloud'\n"
    install("callsheet-moon", "import moonlight\n" + MOON, metadata=metadata)
    with pytest.raises(CallsheetError, match=r"pip install 'callsheet-moon\[cloud\]'"):
        load("moon")


def test_a_missing_package_without_an_extra_is_named(install):
    install("callsheet-moon", "import moonlight.deep\n" + MOON)
    with pytest.raises(CallsheetError, match=r"'moon' from callsheet-moon 1.0 .* pip install moonlight\."):
        load("moon")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("from callsheet import Plugin\n", "names callsheet_moon:Moon, which does not exist"),
        ("class Moon: ...\n", "is not a class that inherits from callsheet.Plugin"),
        ("raise RuntimeError('eclipse')\n", "failed while it was imported: RuntimeError: eclipse"),
        (MOON + "    requires_api = '>=2'\n", f"needs Callsheet API >=2; this is {API_VERSION}"),
        (MOON + "    requires_api = 'two'\n", "not a version range"),
    ],
)
def test_what_cannot_be_used_is_explained(install, source, message):
    install("callsheet-moon", source)
    with pytest.raises(CallsheetError, match=message):
        load("moon")


def test_core_imports_no_plugin():
    import ast

    import callsheet

    for path in Path(callsheet.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.startswith("callsheet_plugins")], path


@pytest.mark.parametrize("name", sorted(registry.installed()))
def test_naming_a_builtin_loads_no_training_library(name, imports_lightly):
    imports_lightly(installed()[name].entry_point.module)


def test_checking_a_run_imports_no_torch(tmp_path):
    code = (
        "import sys; sys.argv = ['callsheet', 'check', 'recipe=demo']\n"
        "from callsheet.cli.main import cli\n"
        "cli.main(standalone_mode=False)\n"
        "print(sorted({'torch', 'transformers', 'trl', 'datasets', 'accelerate'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]"
