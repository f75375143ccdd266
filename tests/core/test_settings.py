"""Settings of every type, through a run."""

from enum import Enum
from pathlib import Path

import pytest

from callsheet import CallsheetError, Plugin, setting

QUIET = "plugins=[]"


class Colour(Enum):
    RED = 1


class Typed(Plugin):
    """Has a setting of every documented type."""

    number: int = 1
    share: float = 0.5
    switch: bool = True
    word: str | None = None
    place: Path = setting(Path("x"))
    colour: Colour = Colour.RED
    names: list[str] = setting(["a"])
    table: dict[str, int] = setting({"a": 1})


def test_settings_of_every_documented_type_live_through_a_run(run_demo):
    session = run_demo(QUIET, plugins=[Typed(word="w", place=Path("y"))])
    settings = session.run_dir.run()["plugins"][0]["settings"]
    assert settings["place"] == "y" and settings["colour"] == "RED" and settings["table"] == {"a": 1}


def test_ranges_hold_without_the_parents_post_init():
    class Careless(Plugin):
        number: int = setting(1, ge=1)

        def __post_init__(self):
            self.seen = []

    from omegaconf import OmegaConf

    from callsheet.config.plan import make_plugins

    config = OmegaConf.create({"plugins": {}})
    config.plugins["careless"] = OmegaConf.structured(Careless)
    config.plugins.careless.number = 0
    with pytest.raises(CallsheetError, match="plugins.careless.number must be at least 1"):
        make_plugins(config)


def test_settings_out_of_range_are_refused():
    class Ranged(Plugin):
        every: int = setting(5, ge=1)
        share: float = setting(0.5, gt=0, le=1)
        kind: str = setting("a", choices=("a", "bee"))

    for wrong in ({"every": 0}, {"share": 0.0}, {"share": float("nan")}, {"kind": "be"}):
        with pytest.raises(CallsheetError, match=f"Ranged.{next(iter(wrong))} must be"):
            Ranged(**wrong)
    Ranged(every=1, share=1.0, kind="bee")
