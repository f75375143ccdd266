"""`callsheet plugins NAME`: a manual written from the class, with an example that Hydra understands."""

from __future__ import annotations

import dataclasses
import io
import json
import shlex
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from rich.console import Console

from callsheet.cli.views.plugin_manual import show
from callsheet.errors import CallsheetError
from callsheet.hooks import hook_names
from callsheet.plugins import entry_points
from callsheet.plugins.manual import Manual, as_override, manual
from callsheet.plugins.registry import installed

SOURCE = '''
from __future__ import annotations
from callsheet import Plugin, hookimpl, setting

class Luck(Plugin):
    odds: float = setting(0.5, ge=0, le=1, help="How likely luck is.")

    @hookimpl
    def on_run_end(self, ctx): ...

class Lucky(Luck):
    """Bring luck.

    And tell how much.
    """

    ranks = "all"
    requires_api = ">=1.0,<2"

    charms: list[str] = setting(["four leaves", "horseshoe"])
    mood: str = setting("good", choices=("good", "bad"))

    @hookimpl
    def on_step_end(self, state, step_idx): ...

    @hookimpl
    def preflight(self, report): ...

    def state_dict(self): return {}

class Plain(Plugin):
    must: int = setting(help="Set me.")
    on_error: str | None = setting("disable", choices=("warn", "disable"))
'''


@pytest.fixture(autouse=True)
def _two_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    info = tmp_path / "callsheet_lucky-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: callsheet-lucky\nVersion: 1.2\n")
    lines = "lucky = x_manual:Lucky\nplain = x_manual:Plain\nbroken = x_manual:Gone\n"
    (info / "entry_points.txt").write_text(f"[callsheet.plugins]\n{lines}")
    (tmp_path / "x_manual.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    entry_points.forget()
    yield
    entry_points.forget()
    sys.modules.pop("x_manual", None)


def printed(manual: Manual, **console: Any) -> str:
    file = io.StringIO()
    show(manual, Console(file=file, **console))
    return file.getvalue()


def test_the_whole_docstring_is_there():
    assert manual("lucky").docstring == "Bring luck.\n\nAnd tell how much."


def test_a_class_without_docstring_does_not_show_its_signature():
    assert manual("plain").docstring == ""


def test_own_settings_come_first_and_inherited_ones_last():
    assert [setting.name for setting in manual("lucky").settings] == ["charms", "mood", "odds", "on_error"]


def test_a_setting_has_type_default_range_and_help():
    charms, mood, odds, _ = manual("lucky").settings
    assert (odds.type, odds.default, odds.range, odds.help) == (
        "float",
        "0.5",
        "at least 0 and at most 1",
        "How likely luck is.",
    )
    assert (charms.type, charms.default) == ("list[str]", '["four leaves",horseshoe]')
    assert mood.range == "one of good, bad"


def test_a_setting_without_default_is_required():
    assert manual("plain").settings[0].default == "required"
    assert "must: int (required)" in printed(manual("plain"))


def test_hooks_come_in_the_order_a_run_meets_them():
    assert manual("lucky").hooks == ("preflight", "on_step_end", "on_run_end")


def test_what_happens_on_an_error_follows_from_the_ranks_unless_the_class_says():
    assert manual("lucky").on_error == "raise"
    assert manual("plain").on_error == "disable"


def test_it_says_where_the_plugin_comes_from(tmp_path: Path):
    lucky = manual("lucky")
    assert (lucky.distribution, lucky.version, lucky.entry_point) == ("callsheet-lucky", "1.2", "x_manual:Lucky")
    assert lucky.file == str(tmp_path / "x_manual.py")
    assert (lucky.ranks, lucky.requires_api) == ("all", ">=1.0,<2")


@pytest.mark.parametrize("name", [*installed()])
def test_the_example_of_a_built_in_sets_the_default_again(name: str):
    _, _, select, assign = shlex.split(manual(name).example)
    assert select == f"plugins=[{name}]"
    override = OverridesParser.create().parse_override(assign)
    assert override.key_or_group == f"plugins.{name}.{manual(name).settings[0].name}"
    assert manual(name).hooks
    assert set(manual(name).hooks) <= {*hook_names()}


@pytest.mark.parametrize(
    "value",
    [
        *(
            "a b",
            "null",
            "true",
            "x/y.z",
            "",
            "1",
            "1e5",
            "inf",
            "-x",
            "θ",
            "~",
            "a,b",
            "a=b",
            "${x}",
            'it\'s "q"',
            "c:d",
        ),
        *(None, True, 3, 2.5, float("inf"), 1e-7, ["a", {"b": "c d"}], {}, []),
    ],
)
def test_a_default_is_written_as_hydra_would_read_it(value: Any):
    assert OverridesParser.create().parse_override(f"key={as_override(value)}").value() == value


def test_a_member_of_an_enum_is_written_by_name():
    assert as_override(Enum("Size", ["SMALL"])["SMALL"]) == "SMALL"


def test_a_pipe_gets_lines_that_are_never_folded():
    text = printed(manual("lucky"), width=40)
    assert "      How likely luck is.\n" in text
    assert f"  {manual('lucky').example}\n" in text
    assert "By default, plugins of the main rank warn and plugins of all ranks raise.\n" in text


def test_a_terminal_gets_help_folded_under_its_setting_and_the_example_whole():
    lines = printed(manual("lucky"), width=40, force_terminal=True, color_system=None).splitlines()
    start = next(number for number, line in enumerate(lines) if line.lstrip().startswith("When a hook raises"))
    assert [line.startswith("      ") for line in lines[start : start + 3]] == [True] * 3
    assert f"  {manual('lucky').example}" in lines


def test_on_a_terminal_a_paragraph_is_folded_anew_and_a_list_is_not():
    text = "One two\nthree.\n\n- four\n- five\n\nAs in:\n    six"
    told = dataclasses.replace(manual("lucky"), docstring=text)
    shown = printed(told, width=80, force_terminal=True, color_system=None)
    assert "One two three.\n" in shown and "- four\n- five\n" in shown and "As in:\n    six\n" in shown


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(CallsheetError, match="Did you mean 'lucky'"):
        manual("luky")


def test_a_class_that_is_missing_names_the_distribution():
    with pytest.raises(CallsheetError, match=r"callsheet-lucky 1\.2 names x_manual:Gone"):
        manual("broken")


def test_a_manual_is_only_text():
    assert json.dumps(vars(manual("lucky")), default=vars)
