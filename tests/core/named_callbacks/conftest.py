"""Callbacks as people write them, in a module that the tests name."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from callsheet.config.compose import compose
from callsheet.config.plan import Plan, make_plan
from callsheet.introspect import compiled

MODULE = '''
from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import KW_ONLY, InitVar, dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, Optional, TypeVar

import transformers as hf
from transformers import EarlyStoppingCallback, TrainerCallback

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel, Trainer

T = TypeVar("T")
LIMIT = 3
Words = dict[str, str]


class Mode(Enum):
    QUICK = "quick"
    SLOW = "slow"


@dataclass
class Window:
    first: int
    last: int = 9


class Nothing(TrainerCallback):
    """Takes no arguments."""


class Simple(TrainerCallback):
    def __init__(self, n: int, rate: float = 0.5, name: Optional[str] = None, loud: bool = False, where: Path = None):
        self.n, self.rate, self.name, self.loud, self.where = n, rate, name, loud, where


class Nested(TrainerCallback):
    def __init__(
        self,
        window: Window | None = None,
        windows: list[Window] = (),
        pair: tuple[int, int] = (0, 0),
        mode: Mode = Mode.QUICK,
        style: Literal["a", "b"] = "a",
        scorers: dict[str, Callable[[str], float]] | None = None,
        words: Words | None = None,
        generation: "GenerationConfig | None" = None,
    ):
        for name, value in locals().items():
            setattr(self, name, value)


class Inherits(Simple):
    """Has the constructor of its parent."""


class PassesOn(EarlyStoppingCallback):
    def __init__(self, extra: int, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.extra = extra


class Fixes(Simple):
    def __init__(self, **kwargs):
        super().__init__(3, name="fixed", **kwargs)


class Keeps(TrainerCallback):
    def __init__(self, **options):
        self.options = options


class Picks(EarlyStoppingCallback):
    def __init__(self, **kwargs):
        self.own = kwargs.pop("own", None)
        super().__init__(**kwargs)


class ByPosition(TrainerCallback):
    def __init__(self, first, second=2, /, *, third: int = 3):
        self.taken = (first, second, third)


@dataclass
class Fields(TrainerCallback):
    steps: int
    names: list[str] = field(default_factory=list)
    seen: int = field(default=0, init=False)
    shared: ClassVar[int] = 1


@dataclass(kw_only=True)
class MoreFields(Fields):
    rate: float
    start: InitVar[int] = 0


@dataclass
class OwnInit(Fields):
    def __init__(self, only: int):
        self.only = only


class Typed(TrainerCallback, Generic[T], ABC):
    def __init__(self, n: int = 1):
        self.n = n


class Mixin:
    def __init__(self, mixed: int = 0):
        self.mixed = mixed


class Diamond(Mixin, Simple):
    """Has the constructor of the first base."""


class Through(hf.TrainerCallback):
    def __init__(self, n: int = 1):
        self.n = n


def loosened(init):
    @functools.wraps(init)
    def call(self, *args, **kwargs):
        return init(self, kwargs.pop("old", 0) or kwargs.pop("n", 0))
    return call


class Decorated(TrainerCallback):
    @loosened
    def __init__(self, n: int):
        self.n = n


class Singleton(type):
    def __call__(cls, *args, **kwargs):
        return super().__call__()


class MadeOtherwise(TrainerCallback, metaclass=Singleton):
    def __init__(self):
        pass


class NeedsPath(TrainerCallback):
    def __init__(self, path: str, n: int = 1):
        self.path, self.n = path, n


class Parts(TrainerCallback):
    def __init__(self, trainer, model, accelerator=None, tokenizer=None, processing_class=None, ref_model=None):
        self.parts = locals()


class Named(TrainerCallback):
    def __init__(self, model: str = "mine", tokenizer: str | None = None):
        self.model, self.tokenizer = model, tokenizer


class Keyed(TrainerCallback):
    def __init__(self, api_key: int):
        self.api_key = api_key


class Wrong(TrainerCallback):
    def __init__(self, model: PreTrainedModel | None = None, n: int = 1):
        if n < 0:
            raise ValueError("n must not be negative")


class Judge(ABC):
    @abstractmethod
    def judge(self): ...


class Strict(Judge):
    def __init__(self, level: int = 1):
        self.level = level
    def judge(self): ...


class Judged(TrainerCallback):
    def __init__(self, judge: Judge):
        self.judge = judge


class Unrelated:
    pass


def function():
    return Nothing()


def score(text: str) -> float:
    return 1.0


Alias = Simple
Made = type("Made", (TrainerCallback,), {})
Partial = functools.partial(Simple, 3)

try:
    from nowhere_at_all import Fallback
except ImportError:
    class Fallback(TrainerCallback):
        def __init__(self, n: int = 1):
            self.n = n
'''


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "my_callbacks.py").write_text(MODULE)
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "__init__.py").write_text(
        "from my_package.deep import *\nfrom .deep import Simple as Easy\n"
    )
    (tmp_path / "my_package" / "deep.py").write_text("from my_callbacks import Nothing, Simple\n")
    (tmp_path / "my_broken.py").write_text("class Broken(:\n")
    (tmp_path / "my_needs.py").write_text("import package_that_is_nowhere\nclass Needs: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    _forget()
    yield
    _forget()


def _forget() -> None:
    compiled.forget()
    for name in [name for name in sys.modules if name.split(".")[0] in ("my_callbacks", "my_package")]:
        del sys.modules[name]


def plan_of(*overrides: str) -> Plan:
    """A plan of the demo. Its other settings are composed once, for that takes most of the time."""
    named = [item for item in overrides if item.startswith("callbacks.")]
    plan = _composed(*(item for item in overrides if item not in named))
    root = OmegaConf.create({"callbacks": {}})
    for override in OverridesParser.create().parse_overrides(named):
        OmegaConf.update(root, override.key_or_group, override.value())
    return replace(plan, callbacks=cast("dict[str, Any]", OmegaConf.to_object(root))["callbacks"])


@cache
def _composed(*overrides: str) -> Plan:
    typed = ["recipe=demo", "plugins=[]", *overrides]
    return make_plan(compose(typed), typed)


def x(path: str, *arguments: str) -> list[str]:
    """The overrides that name a callback `x`."""
    return [f"callbacks.x.path={path}", *(f"callbacks.x.{argument}" for argument in arguments)]


GOOD: list[tuple[Any, ...]] = [
    ("my_callbacks.Nothing",),
    ("my_callbacks.Simple", "n=3"),
    ("my_callbacks.Simple", "n=3", "rate=1", "name=null", "loud=true", "where=a/b"),
    ("my_callbacks.Simple", "n=3", "rate='1e-4'"),
    ("my_callbacks.Nested", "window={first: 1}", "windows=[{first: 1, last: 2}]", "pair=[1,2]"),
    ("my_callbacks.Nested", "mode=slow", "style=b", "scorers={a: my_callbacks.score}", "words={a: b}"),
    ("my_callbacks.Nested", "mode=QUICK", "generation={max_new_tokens: 8, do_sample: false}"),
    ("my_callbacks.Inherits", "n=3"),
    ("my_callbacks.PassesOn", "extra=1", "early_stopping_patience=2"),
    ("my_callbacks.Fixes", "rate=1"),
    ("my_callbacks.Keeps", "whatever=1"),
    ("my_callbacks.Picks", "own=1", "early_stopping_patience=2"),
    ("my_callbacks.ByPosition", "first=1"),
    ("my_callbacks.ByPosition", "first=1", "second=5", "third=6"),
    ("my_callbacks.Fields", "steps=1", "names=[a]"),
    ("my_callbacks.MoreFields", "steps=1", "rate=0.5", "start=2"),
    ("my_callbacks.OwnInit", "only=1"),
    ("my_callbacks.Typed", "n=2"),
    ("my_callbacks.Diamond", "mixed=2"),
    ("my_callbacks.Through", "n=2"),
    ("my_callbacks.Decorated", "old=2"),
    ("my_callbacks.MadeOtherwise", "anything=2"),
    ("my_callbacks.Alias", "n=2"),
    ("my_callbacks.Made",),
    ("my_callbacks.Fallback", "n=2"),
    ("my_callbacks.Named", "model=small"),
    ("my_callbacks.Judged", "judge._target_=my_callbacks.Strict", "judge.level=2"),
    ("my_package.Easy", "n=2"),
    ("my_package.Nothing",),
    ("transformers.EarlyStoppingCallback", "early_stopping_patience=1"),
    ("transformers.trainer_callback.PrinterCallback",),
    ("trl.BEMACallback", "update_freq=3", "device=cpu"),
    ("trl.RichProgressCallback",),
]  # fmt: skip
BAD: list[tuple[Any, ...]] = [
    ("my_callbacks.Simpel", "my_callbacks has no 'Simpel'. Did you mean 'Simple'?"),
    ("my_callback.Simple", "callbacks.x.path=my_callback.Simple: there is no package 'my_callback'."),
    ("trl.trainr.Some", "package 'trl' has no module 'trl.trainr'."),
    ("trl.trainer.callbacks", "trl.trainer.callbacks is a module; name a class in it."),
    ("transformers.EarlyStoppingCalback", "Did you mean 'EarlyStoppingCallback'?"),
    ("Simple", "callbacks.x.path must name a class, as in callbacks.x.path=pkg.module.Class, not 'Simple'."),
    ("my_callbacks.Unrelated", "my_callbacks.Unrelated is not a transformers.TrainerCallback."),
    ("json.JSONDecoder", "json.JSONDecoder is not a transformers.TrainerCallback."),
    ("my_callbacks.function", "my_callbacks.function is no class: my_callbacks, line 198, defines a function."),
    ("my_callbacks.LIMIT", "my_callbacks.LIMIT is no class: my_callbacks, line 19, sets it to 3."),
    ("my_broken.Broken", "my_broken.py, line 1: invalid syntax."),
    ("my_needs.Needs", "its module needs the package package_that_is_nowhere, which is not installed."),
    ("my_callbacks.Nothing", "n=1", "my_callbacks.Nothing takes no argument 'n'. It takes: none."),
    ("my_callbacks.Simple", "my_callbacks.Simple needs n: callbacks.x.n=…"),
    ("my_callbacks.Simple", "n=1", "rat=1", "takes no argument 'rat'. Did you mean 'rate'? It takes: n, rate,"),
    ("my_callbacks.Simple", "n=often", "callbacks.x.n must be a whole number, got 'often'."),
    ("my_callbacks.Simple", "n=1.5", "callbacks.x.n must be a whole number, got 1.5."),
    ("my_callbacks.Simple", "n=true", "callbacks.x.n must be a whole number, got True."),
    ("my_callbacks.Simple", "n=null", "callbacks.x.n must be a whole number, got None."),
    ("my_callbacks.Simple", "n=1", "loud=1", "callbacks.x.loud must be true or false, got 1."),
    ("my_callbacks.Simple", "n=1", "name=3", "must be text or null, got 3. Put it into quotes: 'callbacks.x.name=\"3\"'."),
    ("my_callbacks.Inherits", "n=1", "m=1", "takes no argument 'm'."),
    ("my_callbacks.PassesOn", "early_stopping_patience=1", "my_callbacks.PassesOn needs extra"),
    ("my_callbacks.PassesOn", "extra=1", "early_stoping_patience=1", "Did you mean 'early_stopping_patience'?"),
    ("my_callbacks.PassesOn", "extra=1", "early_stopping_patience=long", "must be a whole number, got 'long'."),
    ("my_callbacks.Fixes", "name=other", "takes no argument 'name'."),
    ("my_callbacks.ByPosition", "second=1", "my_callbacks.ByPosition needs first"),
    ("my_callbacks.Fields", "my_callbacks.Fields needs steps"),
    ("my_callbacks.Fields", "steps=1", "seen=1", "takes no argument 'seen'."),
    ("my_callbacks.Fields", "steps=1", "names=[a,2]", "callbacks.x.names[1] must be text, got 2."),
    ("my_callbacks.MoreFields", "steps=1", "my_callbacks.MoreFields needs rate"),
    ("my_callbacks.OwnInit", "steps=1", "only=1", "takes no argument 'steps'."),
    ("my_callbacks.Diamond", "n=1", "takes no argument 'n'."),
    ("my_callbacks.Nested", "window={frist: 1}", "my_callbacks.Window takes no argument 'frist'. Did you mean 'first'?"),
    ("my_callbacks.Nested", "window={last: 1}", "callbacks.x.window: my_callbacks.Window needs first."),
    ("my_callbacks.Nested", "window=3", "callbacks.x.window must be a mapping with the arguments of Window or null, got 3."),
    ("my_callbacks.Nested", "windows=[{first: a}]", "callbacks.x.windows[0].first must be a whole number, got 'a'."),
    ("my_callbacks.Nested", "mode=quik", "callbacks.x.mode must be one of quick, slow, QUICK, SLOW, got 'quik'. Did you mean 'quick'?"),
    ("my_callbacks.Nested", "style=c", "callbacks.x.style must be one of a, b, got 'c'."),
    ("my_callbacks.Nested", "scorers={a: my_callbacks.scor}", "callbacks.x.scorers.a=my_callbacks.scor: my_callbacks has no 'scor'."),
    ("my_callbacks.Nested", "generation={max_new_tokns: 8}", "takes no argument 'max_new_tokns'. Did you mean 'max_new_tokens'?"),
    ("my_callbacks.Judged", "judge._target_=my_callbacks.Strict", "judge.lvel=2", "takes no argument 'lvel'. Did you mean 'level'?"),
    ("my_callbacks.NeedsPath", "needs an argument called path. Name the class by callbacks.x._target_= to set it."),
    ("callsheet_plugins.csv_metrics.CsvMetrics", "is a plugin. Select it: 'plugins=[csv_metrics]'."),
]  # fmt: skip
