"""What `callsheet plugins` says of a plugin without importing it is what a run would find: kinds of sound and broken ones."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from callsheet.cli.views.plugin_list import Row, listing
from callsheet.errors import CallsheetError
from callsheet.introspect import compiled
from callsheet.plugins import entry_points
from callsheet.plugins.manual import manual

IMPORTS = "from callsheet import Plugin, hookimpl, setting\n"
PLUGIN = IMPORTS + "class P(Plugin):\n    'Doc.'\n"
SOUND: dict[str, tuple[str, str]] = {
    "plain": (PLUGIN, "mod:P"),
    "future": (
        "from __future__ import annotations\nfrom callsheet import Plugin, hookimpl, setting\nclass P(Plugin):\n    'Doc.'\n    x: list[int] = setting([1])\n    y: int | None = setting(None)\n    @hookimpl\n    def on_step_end(self, state, step_idx): ...\n",
        "mod:P",
    ),
    "dotted": (
        "import callsheet\nclass P(callsheet.Plugin):\n    'Doc.'\n    @callsheet.hookimpl\n    def on_eval(self, state): ...\n",
        "mod:P",
    ),
    "alias": ("import callsheet as cs\nclass P(cs.Plugin):\n    'Doc.'\n", "mod:P"),
    "as": ("from callsheet import Plugin as Base\nclass P(Base):\n    'Doc.'\n", "mod:P"),
    "try": (
        "try:\n    from callsheet import Plugin\nexcept ImportError:\n    raise\nclass P(Plugin):\n    'Doc.'\n",
        "mod:P",
    ),
    "mixin": (IMPORTS + "class M:\n    def help_(self): ...\nclass P(M, Plugin):\n    'Doc.'\n", "mod:P"),
    "generic": (
        IMPORTS + "from typing import Generic, TypeVar\nT = TypeVar('T')\nclass P(Plugin, Generic[T]):\n    'Doc.'\n",
        "mod:P",
    ),
    "hooks": ("from callsheet.hooks import Plugin\nclass P(Plugin):\n    'Doc.'\n", "mod:P"),
    "builtin_base": ("from callsheet_plugins.bema import Bema\nclass P(Bema):\n    'Doc.'\n", "mod:P"),
    "alias_class": (IMPORTS + "class Q(Plugin):\n    'Doc.'\nP = Q\n", "mod:P"),
    "decorated_hook": (
        IMPORTS
        + "def mine(f): return hookimpl(f)\nclass P(Plugin):\n    'Doc.'\n    @mine\n    def on_eval(self, state): ...\n",
        "mod:P",
    ),
    "wrapper": (
        PLUGIN + "    @hookimpl(wrapper=True, tryfirst=True)\n    def on_run_end(self, ctx):\n        return (yield)\n",
        "mod:P",
    ),
    "multiline": (
        PLUGIN
        + "    @hookimpl(\n        trylast=True,\n    )\n    def on_run_end(\n        self,\n        ctx: 'LogContext',\n    ) -> None: ...\n",
        "mod:P",
    ),
    "default": (PLUGIN + "    @hookimpl\n    def on_eval(self, state, metrics=None): ...\n", "mod:P"),
    "kwonly_default": (
        PLUGIN + "    @hookimpl\n    def on_benchmark_eval(self, ctx, *, step: int | None = None): ...\n",
        "mod:P",
    ),
    "init_of_fields": (
        PLUGIN + "    freq: int = 1\n    def __init__(self, freq=1, on_error=None):\n        self.freq = freq\n",
        "mod:P",
    ),
    "default_in_other": (
        PLUGIN
        + "    def helper(self, x=1): ...\n    x: str = setting(\n        'a=b',\n        help='foo: bar = None',\n    )\n",
        "mod:P",
    ),
    "typeonly": (
        "from __future__ import annotations\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from callsheet.records import LoopState\nfrom callsheet import Plugin, hookimpl, setting\nclass P(Plugin):\n    'Doc.'\n    @hookimpl\n    def on_step_end(self, state: LoopState): ...\n",
        "mod:P",
    ),
    "enum": (
        IMPORTS + "from enum import Enum\nclass C(Enum):\n    A=1\nclass P(Plugin):\n    'Doc.'\n    c: C = C.A\n",
        "mod:P",
    ),
    "nested_dc": (
        IMPORTS
        + "from dataclasses import dataclass, field\n@dataclass\nclass S:\n    a: int = 1\nclass P(Plugin):\n    'Doc.'\n    s: S = field(default_factory=S)\n",
        "mod:P",
    ),
    "required": (PLUGIN + "    x: int = setting(help='Set me.')\n    z: int\n", "mod:P"),
    "static": (
        PLUGIN + "    @staticmethod\n    def on_my_own(): ...\n    @property\n    def on_time(self): ...\n",
        "mod:P",
    ),
    "private_on": (PLUGIN + "    def on_moonrise(self): ...\n", "mod:P"),
    "classvar": (
        "from typing import ClassVar\nfrom callsheet import Plugin, hookimpl, setting\nclass P(Plugin):\n    'Doc.'\n    table: ClassVar[set[int]] = {1}\n    ranks: ClassVar[str] = 'all'\n    requires_api: ClassVar[str] = '>=1,<2'\n",
        "mod:P",
    ),
    "if_class": (IMPORTS + "import sys\nif sys.version_info > (3,):\n    class P(Plugin):\n        'Doc.'\n", "mod:P"),
    "nested": (IMPORTS + "class Out:\n    'Outer.'\n    class In(Plugin):\n        'Inner.'\n", "mod:Out.In"),
    "extras": (PLUGIN, "mod:P [extra]"),
    "crlf": ("from callsheet import Plugin, hookimpl, setting\r\nclass P(Plugin):\r\n    'Doc.'\r\n", "mod:P"),
    "latin": (
        "# -*- coding: latin-1 -*-\nfrom callsheet import Plugin, hookimpl, setting\nclass P(Plugin):\n    'Doc.'\n    # café\n",
        "mod:P",
    ),
}
BROKEN: dict[str, tuple[str, str, str]] = {
    "notplugin": ("class P:\n    'Doc.'\n", "mod:P", "Its class 'P' does not inherit from callsheet.Plugin."),
    "callback": (
        "from transformers import TrainerCallback\nclass P(TrainerCallback):\n    'Doc.'\n",
        "mod:P",
        "Its class 'P' does not inherit from callsheet.Plugin.",
    ),
    "stdlib_base": ("import abc\nclass P(abc.ABC):\n    'Doc.'\n", "mod:P", "Its class 'P' does not inherit"),
    "function": ("def P(): ...\n", "mod:P", "is a function, and no class."),
    "constant": ("P = 3\n", "mod:P", "Its P is 3, and no class."),
    "missing": (IMPORTS + "x = 1\n", "mod:P", "has no class 'P'."),
    "mentioned": (IMPORTS + "class Q(Plugin): ...\nprint(P)\n", "mod:P", "has no class 'P'."),
    "api": (PLUGIN + "    requires_api = '>=2'\n", "mod:P", "It needs Callsheet API >=2; this is "),
    "api_ann": (
        "from typing import ClassVar\nfrom callsheet import Plugin, hookimpl, setting\nclass P(Plugin):\n    'Doc.'\n    requires_api: ClassVar[str] = '>=2'\n",
        "mod:P",
        "It needs Callsheet API >=2",
    ),
    "api_text": (
        PLUGIN + "    requires_api = 'two'\n",
        "mod:P",
        "It has requires_api = 'two', which is not a version range",
    ),
    "ranks": (PLUGIN + "    ranks = 'some'\n", "mod:P", 'Its ranks must be "main" or "all", got \'some\'.'),
    "unmarked": (
        PLUGIN + "    def on_step_end(self, state): ...\n",
        "mod:P",
        "It defines on_step_end without @hookimpl, so it would never be called.",
    ),
    "misspelled": (
        PLUGIN + "    @hookimpl\n    def on_stepend(self, state): ...\n",
        "mod:P",
        "There is no hook 'on_stepend'. Did you mean 'on_step_end'?",
    ),
    "misspelled2": (PLUGIN + "    def on_step_ends(self, state): ...\n", "mod:P", "There is no hook 'on_step_ends'."),
    "marked_other": (
        PLUGIN + "    @hookimpl\n    def moonrise(self, state): ...\n",
        "mod:P",
        "There is no hook 'moonrise'.",
    ),
    "argument": (
        PLUGIN + "    @hookimpl\n    def on_step_end(self, stat): ...\n",
        "mod:P",
        "Its on_step_end has no argument 'stat'. Did you mean 'state'?",
    ),
    "kwargs": (
        PLUGIN + "    @hookimpl\n    def on_step_end(self, state, **kwargs): ...\n",
        "mod:P",
        "Its on_step_end takes *kwargs",
    ),
    "args": (PLUGIN + "    @hookimpl\n    def on_step_end(self, *args): ...\n", "mod:P", "Its on_step_end takes *args"),
    "init": (
        PLUGIN + "    def __init__(self, freq=10): self.freq = freq\n",
        "mod:P",
        "It defines __init__, but settings are fields",
    ),
    "init_named": (
        PLUGIN + "    def __init__(self, freq=10, **rest): self.freq = freq\n",
        "mod:P",
        "Write `freq: ",
    ),
    "literal": (
        "from typing import Literal\nfrom callsheet import Plugin, hookimpl, setting\nclass P(Plugin):\n    'Doc.'\n    mode: Literal['a', 'b'] = setting('a')\n",
        "mod:P",
        "Its setting 'mode' has the type Literal['a', 'b']. Use str with choices.",
    ),
    "literal_future": (
        "from __future__ import annotations\nfrom typing import Literal\nfrom callsheet import Plugin, hookimpl, setting\nclass P(Plugin):\n    'Doc.'\n    mode: Literal['a', 'b'] = setting('a')\n",
        "mod:P",
        "Its setting 'mode' has the type Literal",
    ),
    "set": (PLUGIN + "    x: set[int] = setting(None)\n", "mod:P", "Its setting 'x' has the type set[int]."),
    "none": (
        PLUGIN + "    x: int = setting(None)\n",
        "mod:P",
        "Its setting 'x' has the type int, and is None by default. Write `int | None`.",
    ),
    "none2": (PLUGIN + "    x: int = None\n", "mod:P", "is None by default"),
    "mutable": (
        PLUGIN + "    x: list[int] = []\n",
        "mod:P",
        "Its setting 'x' has a default that can be changed. Write setting([]).",
    ),
    "untyped": (PLUGIN + "    x = setting(3)\n", "mod:P", "Its setting 'x' has no type"),
    "typechecking": (
        "from __future__ import annotations\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pathlib import Path\nfrom callsheet import Plugin, hookimpl, setting\nclass P(Plugin):\n    'Doc.'\n    x: Path | None = setting(None)\n",
        "mod:P",
        "Its setting 'x' has the type 'Path', which is imported under TYPE_CHECKING only.",
    ),
    "datetime": (
        "import datetime\nfrom callsheet import Plugin, hookimpl, setting\nclass P(Plugin):\n    'Doc.'\n    x: datetime.timedelta | None = setting(None)\n",
        "mod:P",
        "has the type datetime.timedelta",
    ),
    "parent_hook": (
        IMPORTS + "class B(Plugin):\n    def on_eval(self, state): ...\nclass P(B):\n    'Doc.'\n",
        "mod:P",
        "It defines on_eval without @hookimpl",
    ),
    "import_of_callsheet": (
        "from callsheet import Plugin, NewHook\nclass P(Plugin):\n    'Doc.'\n",
        "mod:P",
        "Needs callsheet.NewHook, which this callsheet does not have.",
    ),
    "import_sub": (
        "from callsheet.gone import Thing\nfrom callsheet import Plugin, hookimpl, setting\nclass P(Plugin):\n    'Doc.'\n",
        "mod:P",
        "Needs callsheet.gone, which this callsheet does not have.",
    ),
    "package": (
        "import boto3000\nfrom callsheet import Plugin, hookimpl, setting\nclass P(Plugin):\n    'Doc.'\n",
        "mod:P",
        "Needs the package boto3000",
    ),
    "syntax": ("class P(:\n", "mod:P", "does not compile"),
    "twice": (PLUGIN + "class P:\n    'No.'\n", "mod:P", "does not inherit"),
    "nested_missing": (PLUGIN, "mod:P.Inner", "Its class 'P' has no 'Inner'."),
    "attr_empty": (PLUGIN, "mod:", "is not of the form 'module:Class'"),
    "module_dots": (PLUGIN, "..mod:P", "is not there"),
    "value_space": (PLUGIN, "mod : P x", "is not of the form"),
    "nul": (
        "\x00from callsheet import Plugin, hookimpl, setting\nclass P(Plugin):\n    'Doc.'\n",
        "mod:P",
        "does not compile",
    ),
}

Install = Callable[[str, str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Writes a distribution called like its plugin, whose module is called `mod` in the entry point."""
    made: list[str] = []

    def add(name: str, source: str, value: str) -> None:
        module = f"x_{name}"
        made.append(module)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: d-{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[callsheet.plugins]\n{name} = {value.replace('mod', module)}\n")
        (tmp_path / f"{module}.py").write_bytes(source.encode("latin-1"))
        entry_points.forget()

    monkeypatch.syspath_prepend(tmp_path)
    compiled.forget()
    yield add
    for module in made:
        sys.modules.pop(module, None)
    entry_points.forget()
    compiled.forget()


def row(name: str) -> Row:
    return {row.name: row for row in listing().plugins}[name]


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_plugin_is_listed_as_sound(install: Install, name: str):
    install(name, *SOUND[name])
    assert row(name).fault == "" and row(name).summary in ("Doc.", "Inner.")
    assert manual(name).docstring == row(name).summary


@pytest.mark.parametrize("name", BROKEN)
def test_a_plugin_that_a_run_would_refuse_is_listed_as_broken_with_the_reason(install: Install, name: str):
    source, value, fault = BROKEN[name]
    install(name, source, value)
    assert fault in row(name).fault and "\n" not in row(name).fault
    with pytest.raises(CallsheetError, match=f"d-{name} 1.0"):
        manual(name)


def test_the_hooks_that_are_read_are_those_of_the_contract():
    import inspect

    from callsheet import Plugin
    from callsheet.hooks import hook_names
    from callsheet.plugins.unimported import hooks

    assert hooks() == {name: [*inspect.signature(getattr(Plugin, name)).parameters][1:] for name in hook_names()}
    assert [*hooks()] == hook_names()
