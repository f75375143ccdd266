"""`callsheet plugins`: one line for each installed plugin, and what is wrong with a broken one, importing none."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console
from waiting import PATIENCE

from callsheet.cli.views.plugin_list import Listing, Row, listing, show
from callsheet.introspect import compiled
from callsheet.plugins import entry_points

Install = Callable[..., Path]
PLUGIN = "from callsheet import Plugin, hookimpl, setting\n"
LUCKY = (
    '"""A module."""\nfrom callsheet import Plugin\nclass Lucky(Plugin):\n    """Bring luck.\n\n    More.\n    """\n'
)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Writes a distribution of one plugin into a folder on the path; a source of None leaves the module out."""

    def add(name: str, source: str | None, *, value: str = "", distribution: str = "", file: str = "") -> Path:
        distribution = distribution or f"callsheet-{name}"
        info = tmp_path / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n\nVersion: two\n")
        (info / "entry_points.txt").write_text(f"[callsheet.plugins]\n{name} = {value or f'x_{name}:{name.title()}'}\n")
        if source is not None:
            path = tmp_path / (file or f"x_{name}.py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")
        return tmp_path

    monkeypatch.syspath_prepend(tmp_path)
    forget()
    yield add
    forget()


def forget() -> None:
    entry_points.forget()
    compiled.forget()


def row(name: str) -> Row:
    return {row.name: row for row in listing().plugins}[name]


def test_a_plugin_is_listed_with_the_first_line_of_its_docstring(install: Install):
    install("lucky", LUCKY)
    assert row("lucky") == Row("lucky", "callsheet-lucky", "1.0", summary="Bring luck.")


def test_built_ins_are_listed_and_sound():
    own = [row for row in listing().plugins if row.distribution == "callsheet"]
    assert own
    assert [row.name for row in own if row.fault or not row.summary] == []


def test_listing_imports_no_plugin_and_nothing_heavy(install: Install):
    folder = install("lucky", LUCKY.replace('"""A module."""', "import this_is_never_run\nraise SystemExit(3)"))
    said = run(folder, "x = {'x_lucky', 'callsheet_plugins', 'rich', 'omegaconf', 'hydra', 'torch'} & {*sys.modules}")
    assert said == "set()"


@pytest.mark.parametrize(
    ("source", "summary"),
    [
        ('class Lucky(Plugin, x={"class Lucky:": 1}):\n    r"""Raw \\d."""\n', "Raw \\d."),
        ("class Lucky:\n    '''\n    Below the quotes.\n    '''\n", "Below the quotes."),
        ('@decorated\nclass Lucky: "On the same line."\n', "On the same line."),
        ('"""\nclass Lucky:\n    \'No.\'\n"""\nclass Lucky:\n    # note\n    "Yes."\n', "Yes."),
        ('class Lucky:\n    mode = "none"\n', ""),
        ('class Lucky:\n    mode: str = "none"\n    def f(self):\n        "No."\n', ""),
        ('try:\n    import gone_away\nexcept ImportError:\n    pass\nclass Lucky:\n    "Tried."\n', "Tried."),
        ('if TYPE_CHECKING:\n    import gone_away\nclass Lucky:\n    "Typed."\n', "Typed."),
        ('class Lucky:\n    "Late."\n    def f(self):\n        import gone_away\n', "Late."),
        ('"""\nimport gone_away\n"""\nclass Lucky:\n    "Told."\n', "Told."),
        ("from json import *\n", ""),
        ("def __getattr__(name): ...\n", ""),
        ("Lucky = make()\n", ""),
    ],
)
def test_sound_modules_of_many_shapes(install: Install, source: str, summary: str):
    install("lucky", PLUGIN + source.replace("class Lucky:", "class Lucky(Plugin):"))
    assert (row("lucky").summary, row("lucky").fault) == (summary, "")


def test_a_class_is_found_where_a_package_gets_it_from(install: Install):
    install("lucky", "from .inner import (\n    Charm as Lucky,\n)\n", value="pack:Lucky", file="pack/__init__.py")
    install(
        "other",
        'from callsheet import Plugin\nclass Charm(Plugin):\n    "Inside."\n',
        value="pack.inner:Charm",
        file="pack/inner.py",
    )
    assert row("lucky").summary == row("other").summary == "Inside."


def test_a_class_that_two_modules_import_from_each_other_ends_the_search(install: Install):
    install("lucky", "from other import Lucky\n", value="lucky_a:Lucky", file="lucky_a.py")
    install("other", "from lucky_a import Lucky\n", value="other:Lucky", file="other.py")
    assert row("lucky").summary == ""


def test_a_namespace_package_is_looked_into(install: Install):
    install("lucky", LUCKY, value="space.deep.lucky:Lucky", file="space/deep/lucky.py")
    assert row("lucky").summary == "Bring luck."


@pytest.mark.parametrize(
    ("source", "value", "fault"),
    [
        (None, "", "Its module 'x_lucky' is not there."),
        (LUCKY, "x_lucky.deeper:Lucky", "Its module 'x_lucky.deeper' is not there."),
        (LUCKY, "x_lucky:Luckier", "Its module 'x_lucky' has no class 'Luckier'. Did you mean 'Lucky'?"),
        ("from .. import Lucky", "", "Its module 'x_lucky' cannot import from '..': "),
        (LUCKY, "x_lucky", "Its entry point 'x_lucky' is not of the form 'module:Class'."),
        ("import json, boto3000.session as s\n" + LUCKY, "", "Needs the package boto3000, which is not installed."),
        ("from boto3000.session import (\n    Session,\n)\n" + LUCKY, "", "Needs the package boto3000, which is not"),
        ("import b9\nfrom a9 import x\n" + LUCKY, "", "Needs the packages a9 and b9, which are not installed."),
    ],
)
def test_a_plugin_that_could_not_be_imported_stays_in_the_list(
    install: Install, source: str | None, value: str, fault: str
):
    install("lucky", source, value=value)
    assert row("lucky").fault.startswith(fault)
    assert row("lucky").distribution == "callsheet-lucky"
    assert len(listing().plugins) > 1


def test_a_syntax_error_is_named_with_its_file_and_line(install: Install):
    folder = install("lucky", "x = 1\nclass Lucky(:\n")
    assert row("lucky").fault.startswith(f"{folder / 'x_lucky.py'}:2 does not compile: ")


def test_what_a_package_imports_on_the_way_is_looked_at_too(install: Install):
    install("lucky", LUCKY, value="pack.lucky:Lucky", file="pack/lucky.py")
    install("other", "import boto3000\n", value="pack:Other", file="pack/__init__.py")
    assert "boto3000" in row("lucky").fault


def test_two_distributions_with_one_name_are_shown_as_a_conflict(install: Install):
    install("lucky", LUCKY)
    install("lucky", LUCKY, distribution="callsheet-luckier")
    assert "is claimed by" in row("lucky").fault
    assert "callsheet-luckier 1.0" in row("lucky").fault


def test_a_pipe_gets_aligned_lines_without_boxes_or_cuts(capsys: pytest.CaptureFixture[str]):
    show(Listing([Row("a", "callsheet-a", "1.0", summary="x" * 200), Row("long_name", "b", "10.0", fault="Gone.")]))
    assert capsys.readouterr().out.splitlines() == [
        f"a          callsheet-a  1.0   {'x' * 200}",
        "long_name  b            10.0  broken: Gone.",
    ]


def test_a_terminal_gets_a_table_with_faults_in_red():
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=60, no_color=False)
    show(Listing([Row("a", "b", "1.0", summary="Fine."), Row("c", "d", "1.0", fault="Gone [for] good.")]), console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO above
    assert "distribution" in printed
    assert "\x1b[31mbroken: Gone [for] good.\x1b[0m" in printed


def test_no_plugins_at_all_is_said_in_words(capsys: pytest.CaptureFixture[str]):
    show(Listing([]))
    assert capsys.readouterr().out == "No plugins are installed.\n"


def test_a_hundred_plugins_are_listed(install: Install):
    for number in range(100):
        name = f"p{number}"
        install(name, LUCKY.replace("Lucky", name.title()))
    assert len([row for row in listing().plugins if row.summary == "Bring luck."]) == 100


def run(folder: Path, expression: str) -> str:
    """What `x` is in a fresh process after everything was listed from `folder`."""
    code = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); from callsheet.cli.views.plugin_list import listing, show\n"
    )
    code += f"rows = listing().plugins; assert any(row.name == 'lucky' for row in rows), rows\n{expression}\nprint(x)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
