"""A run with `plugins_lock=FILE` imports no plugin whose distribution differs from what was locked."""

import json
import os
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from .wheels import PLUGIN, install

CALLSHEET = str(Path(sys.executable).with_name("callsheet"))


@pytest.fixture
def site(tmp_path):
    install(tmp_path / "site")
    return tmp_path / "site"


@pytest.fixture
def callsheet(tmp_path, site):
    def call(*words, path=site):
        environment = {**os.environ, "PYTHONPATH": str(path)}
        return subprocess.run([CALLSHEET, *words], cwd=tmp_path, env=environment, capture_output=True, text=True)

    return call


@pytest.fixture
def locked(callsheet):
    """The command that checks a run with the plugin `lucky`, which was locked as it is."""
    assert callsheet("plugins", "lock").returncode == 0

    def check(*words, **where):
        return callsheet("check", "recipe=demo", "plugins=[lucky]", "plugins_lock=plugins.lock", *words, **where)

    assert check().returncode == 0
    return check


def was_imported(site):
    return (site / "imported").exists()


def refused(ended, site, *said):
    (site / "imported").unlink(missing_ok=True)
    assert ended.returncode == 2, ended.stderr
    assert [word for word in ("Traceback", *said) if (word in ended.stderr) is (word == "Traceback")] == [], (
        ended.stderr
    )
    assert len(ended.stderr.splitlines()) == 1


def test_the_lock_holds_versions_and_hashes_for_a_reader(callsheet, tmp_path):
    ended = callsheet("plugins", "lock", "my.lock")
    assert "callsheet-lucky 1.0  plugin lucky" in ended.stdout
    lock = json.loads((tmp_path / "my.lock").read_text())
    lucky = lock["distributions"]["callsheet-lucky"]
    assert lock["lock_version"] == 1 and len(lucky["sha256"]) == 64
    assert (lucky["version"], lucky["brings"], lucky["editable"]) == ("1.0", ["plugin lucky"], False)


def test_the_same_wheel_has_the_same_hash_elsewhere(locked, site, tmp_path):
    install(tmp_path / "elsewhere", installer="uv")
    assert locked(path=tmp_path / "elsewhere").returncode == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda site: install(site, version="1.1"), "callsheet-lucky is 1.1 here and 1.0 in the lock"),
        (lambda site: install(site, source=PLUGIN + "\nimport os\n"), "callsheet-lucky 1.0 has other files"),
        (lambda site: (site / "callsheet_lucky.py").write_text(PLUGIN + "#"), "callsheet_lucky.py changed"),
        (lambda site: next(site.glob("*.dist-info/RECORD")).unlink(), "its installer left no RECORD"),
        (lambda site: (site / f"callsheet_lucky{EXTENSION_SUFFIXES[0]}").touch(), "is not what Python would import"),
    ],
)
def test_a_plugin_that_differs_is_refused_before_it_is_imported(locked, site, change, said):
    (site / "imported").unlink()
    change(site)
    ended = locked()
    assert not was_imported(site)
    refused(ended, site, "Plugin 'lucky' from callsheet-lucky", said)


@pytest.mark.parametrize("kind", ["callsheet_lucky.py", "callsheet_lucky/__init__.py"])
def test_a_module_that_comes_first_on_the_path_is_refused(locked, site, tmp_path, kind):
    (shadow := tmp_path / "shadow" / kind).parent.mkdir(parents=True)
    shadow.write_text(PLUGIN)
    ended = locked(path=f"{tmp_path / 'shadow'}:{site}")
    assert not (shadow.parent / "imported").exists()
    refused(ended, site, "callsheet-lucky is not what Python would import", str(shadow), "comes first")


def test_a_file_beside_those_of_a_package_is_found(locked, site, callsheet):
    info = next(site.glob("*.dist-info"))
    (site / "callsheet_lucky.py").unlink()
    (site / "callsheet_lucky").mkdir()
    (info / "entry_points.txt").write_text("[callsheet.plugins]\nlucky = callsheet_lucky:Lucky\n")
    (site / "callsheet_lucky" / "__init__.py").write_text(PLUGIN)
    (info / "RECORD").write_text("callsheet_lucky/__init__.py,sha256=wrong,1\n")
    refused(locked(), site, "callsheet_lucky/__init__.py changed")


def test_a_plugin_that_nobody_locked_is_refused_and_does_no_harm_unused(locked, site):
    install(site, name="other")
    assert locked().returncode == 0
    refused(locked("+plugins=other"), site, "callsheet-other is not in the lock")


def test_a_recipe_holds_its_run_to_a_lock(locked, callsheet, site, tmp_path):
    recipes = tmp_path / "mine" / "recipe"
    recipes.mkdir(parents=True)
    lines = ["# @package _global_", "defaults: [demo]", "plugins: [lucky]", "plugins_lock: plugins.lock"]
    (recipes / "ours.yaml").write_text("\n".join(lines))
    assert callsheet("check", "--config-dir=mine", "recipe=ours").returncode == 0
    install(site, version="2.0")
    (site / "imported").unlink()
    ended = callsheet("check", "--config-dir=mine", "recipe=ours")
    assert not was_imported(site)
    refused(ended, site, "callsheet-lucky is 2.0 here and 1.0 in the lock")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no such file"),
        ("", "cannot be read"),
        ("{}", "cannot be read"),
        ('{"lock_version": "x", "distributions": {}}', "lock_version"),
        ('{"lock_version": 9, "distributions": {}}', "is a lock of version 9"),
        ('{"lock_version": 1, "distributions": {"a": {"version": 1}}}', "distributions"),
        ("[" * 100_000, "nested"),
    ],
)
def test_what_is_no_lock_is_refused(callsheet, site, tmp_path, content, said):
    if content is not None:
        (tmp_path / "plugins.lock").write_text(content)
    ended = callsheet("check", "recipe=demo", "plugins=[lucky]", "plugins_lock=plugins.lock")
    refused(ended, site, "plugins.lock", said)
    assert not was_imported(site)


def test_an_editable_distribution_is_locked_by_its_modules(callsheet, locked, tmp_path):
    """As callsheet itself is, where these tests run."""
    lock = json.loads((tmp_path / "plugins.lock").read_text())
    own = lock["distributions"]["callsheet"]
    if not own["editable"]:
        pytest.skip("Callsheet is not installed in editable mode")
    own["sha256"] = "0" * 64
    (tmp_path / "plugins.lock").write_text(json.dumps(lock))
    assert "callsheet 0.1.0 has other files" in locked("+plugins=bema").stderr


def test_a_lock_over_an_old_one_says_what_changed(callsheet, site, tmp_path):
    assert "before" not in callsheet("plugins", "lock").stdout
    assert "As it was before." in callsheet("plugins", "lock").stdout
    path = tmp_path / "plugins.lock"
    lock = json.loads(path.read_text())
    lucky = lock["distributions"]["callsheet-lucky"]
    for change, said in [
        ({"version": "0.9"}, "changed: callsheet-lucky is 1.0, was 0.9"),
        ({"sha256": "0" * 64}, "changed: callsheet-lucky 1.0 has other files, of the same version"),
        ({"editable": True}, "changed: callsheet-lucky 1.0 is not in editable mode now"),
        ({"brings": []}, "changed: callsheet-lucky 1.0 brings other entry points"),
    ]:
        others = {**lock["distributions"], "callsheet-lucky": {**lucky, **change}}
        path.write_text(json.dumps({**lock, "distributions": others}))
        assert f"Other than before:\n{said}\n" in callsheet("plugins", "lock").stdout
    others = {name: each for name, each in lock["distributions"].items() if name != "callsheet-lucky"}
    path.write_text(json.dumps({**lock, "distributions": {**others, "gone": lucky}}))
    assert "before:\nadded: callsheet-lucky 1.0\nremoved: gone 1.0\n" in callsheet("plugins", "lock").stdout


def test_what_is_no_lock_is_not_overwritten(callsheet, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    ended = callsheet("plugins", "lock", "notes.txt")
    assert ended.returncode == 2 and "notes.txt: it is no JSON" in ended.stderr
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_one_distribution_without_a_record_does_not_keep_the_others_from_being_locked(callsheet, site, tmp_path):
    (record,) = site.glob("*.dist-info/RECORD")
    record.unlink()
    ended = callsheet("plugins", "lock")
    assert ended.returncode == 2 and "callsheet-lucky cannot be locked: its installer left no RECORD" in ended.stderr
    lock = json.loads((tmp_path / "plugins.lock").read_text())
    assert "callsheet" in lock["distributions"] and "callsheet-lucky" not in lock["distributions"]
    check = callsheet("check", "recipe=demo", "plugins=[lucky]", "plugins_lock=plugins.lock")
    assert check.returncode == 2 and "callsheet-lucky" in check.stderr and not was_imported(site)
