"""Settings that a plugin declares wrongly: the plugin, the setting, the file, the line and what to write are named."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from callsheet.config.compose import compose
from callsheet.config.plan import make_plugins
from callsheet.errors import CallsheetError
from callsheet.plugins import entry_points

HEAD = """\
from __future__ import annotations
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Optional
from callsheet import Plugin, setting
if TYPE_CHECKING:
    from moon import Moon
class Color(Enum):
    RED = 1
    BLUE = 2
@dataclass
class Inner:
    n: int = setting(NESTED)


class Sky(Plugin):
"""
LINE = HEAD.count("\n") + 1
Said = Callable[[str], str]


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Said]:
    """What a run that selects a plugin with this setting is told."""
    info = tmp_path / "callsheet_sky-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: callsheet-sky\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[callsheet.plugins]\nsky = x_blue:Sky\n")
    monkeypatch.syspath_prepend(tmp_path)
    entry_points.forget()

    def run(line: str, nested: str = "1", future: bool = True) -> str:
        head = HEAD.replace("NESTED", nested)
        head = head if future else head.replace("from __future__ import annotations", "")
        (tmp_path / "x_blue.py").write_text(f"{head}    {line}\n")
        with pytest.raises(CallsheetError) as refused:
            make_plugins(compose(["plugins=[sky]"]))
        assert str(refused.value).startswith("Plugin 'sky' from callsheet-sky 1.0: ")
        return str(refused.value).replace(str(tmp_path), "")

    yield run
    sys.modules.pop("x_blue", None)
    entry_points.forget()


WRONG = [
    ("x: int = setting('five')", "its setting 'x' has the type int, and the default 'five' is none. Write a default that is a whole number, as in `x: int = setting(3)`; or the type of the default, as in `x: str = setting('five')`."),
    ("x: int = 'five'", "Write a default that is a whole number, as in `x: int = setting(3)`"),
    ("x: int = setting(2.5)", "or the type of the default, as in `x: float = setting(2.5)`."),
    ("x: Optional[int] = setting('five')", "Write a default that is a whole number, as in `x: Optional[int] = setting(3)`"),
    ("x: float = setting('often')", "Write a default that is a number, as in `x: float = setting(0.5)`"),
    ("x: bool = setting('perhaps')", "Write a default that is True or False, as in `x: bool = setting(False)`"),
    ("x: list[int] = setting(['a'])", "has the type list[int], and the default ['a'] is none."),
    ("x: dict[str, int] = setting({'a': 'b'})", "has the type dict[str, int], and the default {'a': 'b'} is none."),
    ("x: Color = setting('PINK')", "the default 'PINK' is none. Write one of Color.RED, Color.BLUE."),
    ("x: Path = setting(3)", "or the type of the default, as in `x: int = setting(3)`."),
    ("x: Literal['a', 'b'] = setting('a')", "which OmegaConf does not have. Write `x: str = setting('a', choices=('a', 'b'))`."),
    ("x: Literal['a', 'b'] | None = setting(None)", "Write `x: str | None = setting(None, choices=('a', 'b'))`."),
    ("x: Literal['a'] = setting()", "Write `x: str = setting(choices=('a',))`."),
    ("x: Literal[1, 2] = setting(1)", "Write a str with choices, or an Enum."),
    ("x: list[int] = []", "its setting 'x' has a default that can be changed. Write `x: list[int] = setting([])`."),
    ("x: dict[str, int] = {'a': 1}", "Write `x: dict[str, int] = setting({'a': 1})`."),
    ("x: set[int] = {1}", "Write a list, as in `x: list[str] = setting([])`: OmegaConf has no set."),
    ("x: Inner = Inner()", "Write `x: Inner = dataclasses.field(default_factory=Inner)`."),
    ("x = setting(3)", "its setting 'x' has no type. Write `x: int = setting(3)`."),
    ("x: int = setting(None)", "is None by default. Write `x: int | None = setting(None)`."),
    ("x: int = setting(0, ge=1)", "the default of its setting 'x' must be at least 1, got 0."),
    ("x: str = setting('c', choices=('a', 'b'))", "the default of its setting 'x' must be one of a, b, got 'c'."),
    ("x: str = setting('a', ge=3)", "the default of its setting 'x' cannot be compared with its range, got 'a'."),
    ("x: timedelta = setting(timedelta(1))", "has the type timedelta, which OmegaConf does not have. Settings have the types int,"),
    ("x: Callable[[int], int] | None = setting(None)", "which OmegaConf does not have. Settings have the types int,"),
    ("x: Moon | None = setting(None)", "has the type Moon | None, and Moon is not there when the program runs."),
]  # fmt: skip


@pytest.mark.parametrize(("line", "message"), WRONG)
def test_a_wrong_setting_is_named_with_its_file_and_what_to_write(said: Said, line: str, message: str) -> None:
    refusal = said(line)
    assert message in refusal and refusal.endswith(f"(/x_blue.py, line {LINE})")


@pytest.mark.parametrize("line", ["x: int = setting('five')", "x: list[int] = []", "x: Literal['a'] = setting('a')"])
def test_the_types_may_be_objects_or_text(said: Said, line: str) -> None:
    assert said(line, future=False).endswith(f"(/x_blue.py, line {LINE})")  # type: ignore[call-arg]  # of the fixture


def test_a_setting_inside_another_is_named_whole(said: Said) -> None:
    refusal = said("x: Inner = field(default_factory=Inner)", nested="'five'")  # type: ignore[call-arg]  # of the fixture
    assert "its setting 'x.n' has the type int, and the default 'five' is none." in refusal


def test_a_class_made_by_hand_says_it_too() -> None:
    from callsheet import Plugin, setting

    with pytest.raises(
        CallsheetError, match=r"Write `x: list\[int\] = setting\(\[\]\)`\. \(.*test_setting_errors\.py, line \d+\)"
    ):

        class Mine(Plugin):
            x: list[int] = []  # noqa: RUF012  # the mistake

    with pytest.raises(CallsheetError, match="Its setting 'y' has no type"):

        class Yours(Plugin):
            y = setting(3)


def test_settings_that_are_right_stay_right() -> None:
    from callsheet.plugins.registry import installed, structured

    assert all(structured(name) is not None for name in installed())
