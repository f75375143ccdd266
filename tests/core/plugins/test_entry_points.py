"""The one reader of entry points: every group, rivals, names that nobody can type, and files that cannot be read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from callsheet.cli.extra_commands import installed as commands
from callsheet.cli.main import cli
from callsheet.cli.views.plugin_list import listing, show
from callsheet.config.compose import compose
from callsheet.errors import CallsheetError
from callsheet.introspect import compiled
from callsheet.outbox import handlers
from callsheet.outbox.handlers import Permanent
from callsheet.plugins import entry_points
from callsheet.plugins.groups import COMMANDS, DISPATCHERS, ENGINES, GROUPS, OUTBOX, PLUGINS

PLUGIN = "from callsheet import Plugin, setting\nclass P(Plugin):\n    'Doc.'\n    x: int = setting(1)\n"
Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Writes a distribution with these entry points into a folder on the path."""

    def add(name: str, points: str | bytes, source: str = PLUGIN, *, folder: str = "site", metadata: str = "") -> Path:
        site = tmp_path / folder
        info = site / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(metadata or f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_bytes(points if isinstance(points, bytes) else points.encode())
        (site / f"x_{name.replace('-', '_')}.py").write_text(source)
        if str(site) not in sys.path:
            monkeypatch.syspath_prepend(site)
        entry_points.forget()
        compiled.forget()
        return site

    yield add
    for module in [name for name in sys.modules if name.startswith("x_")]:
        del sys.modules[module]
    entry_points.forget()
    compiled.forget()


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    show(listing(cli.commands))
    return capsys.readouterr().out.splitlines()


def test_what_is_built_in_enters_every_group_by_entry_points():
    assert {*entry_points.installed(ENGINES)} >= {"lm_eval", "lighteval", "command", "exact_match"}
    assert {*entry_points.installed(DISPATCHERS)} >= {"local", "slurm", "script"}
    assert all(found.distribution for group in GROUPS for found in entry_points.installed(group).values())


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.noun)
def test_two_packages_with_one_name_are_both_named_in_every_group(install: Install, group):
    for name in ("first", "second"):
        install(name, f"[{group.key}]\nsame = x_{name}:P\n")
    with pytest.raises(CallsheetError) as refused:
        entry_points.find(group, "same")
    assert all(part in str(refused.value) for part in (group.title, "first 1.0 (x_first:P)", "second 1.0 (x_second:P)"))


def test_a_kind_that_two_packages_claim_is_carried_out_by_neither(install: Install, tmp_path: Path):
    for name in ("first", "second"):
        install(name, f"[callsheet.outbox]\nsame = x_{name}:P\n")
    with pytest.raises(LookupError, match="Outbox kind 'same' is claimed by"):
        handlers.require("same")
    with pytest.raises(Permanent, match="Outbox kind 'same' is claimed by"):
        handlers.make("same", tmp_path)


def test_a_command_that_two_packages_claim_says_so(install: Install):
    for name in ("first", "second"):
        site = install(name, f"[callsheet.commands]\nsame = x_{name}:P\n")
    assert commands()["same"].conflict
    done = subprocess.run([sys.executable, "-m", "callsheet", "same"], capture_output=True, text=True, cwd=site)
    assert done.returncode == 2 and "Command 'same' is claimed by" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a.b", "its name holds '.'"), ("a/b", "its name holds '/'"), ("a b", "its name holds ' '"),
        ("3d", "its name begins with '3'"), ("-a", "its name begins with '-'"), ("é", "its name holds 'é'"),
        ("a@b", "its name holds '@'"), ("null", "means something else to Hydra"), ("True", "means something else"),
        ("nan", "means something else"), ("_self_", "means something else"), ("my.yaml", "its name holds '.'"),
    ],
)  # fmt: skip
def test_a_plugin_whose_name_nobody_can_type_is_refused_with_the_reason_and_the_origin(install: Install, name, reason):
    install("odd", f"[callsheet.plugins]\n{name} = x_odd:P\n")
    (row,) = [row for row in listing().plugins if row.name == name]
    assert reason.removeprefix("its ") in row.fault and "Rename the entry point." in row.fault
    for overrides in ([f"plugins=[{name}]"], [f"+plugins={name}"], [f"plugins.{name}.x=2"]):
        with pytest.raises(CallsheetError) as refused:
            compose(["recipe=demo", *overrides])
        assert f"Plugin {name!r} from odd 1.0 cannot be used: " in str(refused.value) and reason in str(refused.value)


@pytest.mark.parametrize("name", ["my-plugin", "none", "on", "keys", "_x", "A1", "a-"])
def test_an_unusual_name_that_hydra_reads_can_be_selected_and_set(install: Install, name: str):
    install("odd", f"[callsheet.plugins]\n{name} = x_odd:P\n")
    assert compose(["recipe=demo", f"plugins=[{name}]", f"plugins.{name}.x=2"]).plugins[name].x == 2
    assert not next(row for row in listing().plugins if row.name == name).fault


def test_a_setting_inside_a_dictionary_of_a_plugin_with_a_hyphen_can_be_set(install: Install):
    source = PLUGIN + "    d: dict[str, int] = setting({})\n"
    install("odd", "[callsheet.plugins]\nmy-plugin = x_odd:P\n", source)
    assert compose(["recipe=demo", "plugins=[my-plugin]", "plugins.my-plugin.d.k=2"]).plugins["my-plugin"].d.k == 2


@pytest.mark.parametrize(
    "content", [b"[callsheet.plugins]\nno equals sign\n", b"[callsheet.plugins]\nlucky = x\xff\xfe\n"]
)
def test_a_file_that_cannot_be_read_is_told_and_stops_nothing(install: Install, capsys, content: bytes):
    install("torn", content)
    (told,) = [line for line in printed(capsys) if "cannot be read" in line]
    assert told.startswith("broken: ") and "torn 1.0" in told
    assert "bema" in entry_points.installed(PLUGINS)


def test_a_distribution_without_a_name_is_listed_as_unknown(install: Install):
    install("nameless", "[callsheet.plugins]\nlucky = x_nameless:P\n", metadata="Summary: nothing\n")
    (row,) = [row for row in listing().plugins if row.name == "lucky"]
    assert (row.distribution, row.version, row.fault) == ("unknown", "unknown", "")


def test_of_two_versions_on_the_path_the_first_is_the_one_that_python_imports(install: Install):
    install("moon", "[callsheet.plugins]\nold = x_moon:P\n", folder="later")
    install("moon", "[callsheet.plugins]\nnew = x_moon:P\n", folder="earlier")
    assert "new" in entry_points.installed(PLUGINS) and "old" not in entry_points.installed(PLUGINS)


def test_every_group_is_listed_with_its_origin_on_a_line(install: Install, capsys):
    engine = "class P:\n    def problems(self): ...\n    def command(self): ...\n    def results(self): ...\n"
    install("extra", "[callsheet.benchmark_engines]\nmine = x_extra:P\n", engine)
    lines = printed(capsys)
    assert (
        "benchmark engines:      command, exact_match, lighteval, lm_eval (callsheet 0.1.0); mine (extra 1.0)" in lines
    )
    assert [line.partition(":")[0] for line in lines[-4:]] == [
        "benchmark engines", "benchmark dispatchers", "outbox kinds", "commands",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("group", "source", "reason"),
    [
        (ENGINES, "class P:\n    def command(self): ...\n", "Its class 'P' has no problems and no results."),
        (ENGINES, "from callsheet_plugins.benchmarks.engines import Engine\nclass P(Engine):\n    def command(self): ...\n", "has no problems and no results."),
        (ENGINES, "import gone_away\nclass P: ...\n", "Needs the package gone_away"),
        (DISPATCHERS, "def P(): ...\n", "is a function, and no class."),
        (DISPATCHERS, "x = 1\n", "has no class 'P'."),
        (OUTBOX, "class P: ...\n", "Its class 'P' does not inherit from callsheet.outbox.Handler."),
        (COMMANDS, "x = 1\n", "has no class 'P'."),
    ],
    ids=lambda value: getattr(value, "noun", None),
)  # fmt: skip
def test_what_is_broken_in_another_group_is_told_on_a_line_of_its_own(install: Install, capsys, group, source, reason):
    install("odd", f"[{group.key}]\nmine = x_odd:P\n", source)
    (line,) = [line for line in printed(capsys) if "broken: " in line]
    assert line.startswith(f"{group.noun} mine (odd 1.0)  broken: ") and reason in line


def test_a_sound_engine_dispatcher_and_handler_that_inherit_are_listed_as_sound(install: Install, capsys):
    install("good", "[callsheet.benchmark_engines]\nmine = x_good:E\n[callsheet.benchmark_dispatchers]\nmine = x_good:D\n"
            "[callsheet.outbox]\nmine = x_good:H\n", "from callsheet_plugins.benchmarks.engines import Engine\n"
            "from callsheet_plugins.benchmarks.dispatch import Dispatcher\nfrom callsheet.outbox import Handler\n"
            "class E(Engine):\n    def problems(self): ...\n    def command(self): ...\n    def results(self): ...\n"
            "class D(Dispatcher):\n    def submit(self): ...\n    def look(self): ...\n    def cancel(self): ...\n"
            "class H(Handler):\n    def deliver(self, job): ...\n")  # fmt: skip
    lines = printed(capsys)
    assert not [line for line in lines if "broken" in line] and sum("mine (good 1.0)" in line for line in lines) == 3


def test_a_command_of_a_package_that_callsheet_has_itself_is_told(install: Install, capsys):
    install("odd", "[callsheet.commands]\ntrain = x_odd:P\n")
    assert any("command train (odd 1.0)  broken: callsheet has a command 'train'" in line for line in printed(capsys))


def test_the_manual_of_an_engine_and_of_a_broken_one(install: Install, callsheet):
    site = install("odd", "[callsheet.benchmark_engines]\nmine = x_odd:P\n", "import gone_away\n")
    said = callsheet("plugins", "lm_eval").stdout
    assert said.startswith("lm_eval, benchmark engine (callsheet 0.1.0)\nHands everything over in a YAML file")
    done = callsheet("plugins", "mine", env={"PYTHONPATH": str(site)})
    assert done.returncode == 2 and "Benchmark engine 'mine' from odd 1.0 could not be imported" in done.stderr


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.noun)
@pytest.mark.parametrize("ends", ["import os; os._exit(0)", "import sys; sys.exit()", "raise KeyboardInterrupt"])
def test_what_ends_the_process_when_it_is_imported_is_named_in_every_group(install: Install, group, ends):
    install("odd", f"[{group.key}]\nmine = x_odd:P\n", f"{ends}\n{PLUGIN}")
    with pytest.raises(CallsheetError) as refused:
        entry_points.load(group, "mine")
    said = str(refused.value)
    assert said.startswith(f"{group.title} 'mine' from odd 1.0 ") and "x_odd.py, line 1)" in said


def test_what_an_import_changes_is_a_warning_of_the_check_that_selects_it(install: Install, callsheet, tmp_path):
    source = f"import os\nos.chdir('/')\nprint('noise')\nos.system('echo noise')\n{PLUGIN}"
    site = install("odd", "[callsheet.plugins]\nmine = x_odd:P\n", source)
    done = callsheet("check", "recipe=demo", "plugins=[mine]", env={"PYTHONPATH": str(site)})
    assert done.returncode == 0 and str(tmp_path) in done.stdout and "noise" not in done.stdout
    said = "Plugin 'mine' from odd 1.0 changed the working directory to / while it was imported. It was put back."
    assert f"warning: {said}" in done.stderr and done.stderr.count("noise") == 2


def test_what_an_import_prints_stays_out_of_what_a_shell_completes_and_of_a_configuration(install: Install, callsheet):
    site = install("odd", "[callsheet.plugins]\nmine = x_odd:P\n", f"import os\nos.system('echo noise')\n{PLUGIN}")
    line = "callsheet train recipe=demo plugins=[mine] plugins.mine."
    done = callsheet("-sc", "query=bash", env={"PYTHONPATH": str(site), "COMP_LINE": line})
    assert (done.stdout, done.stderr) == ("plugins.mine.on_error= plugins.mine.x=\n", "")
    flags = ("--cfg", "job", "--package", "launch")
    done = callsheet("train", "recipe=demo", "plugins=[mine]", *flags, env={"PYTHONPATH": str(site)})
    assert done.stdout.startswith("# @package launch\n") and "noise" not in done.stdout
