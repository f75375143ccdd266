"""What an engine needs, and what it is given."""

import pytest

from core.launch.conftest import problems


@pytest.mark.parametrize("launch", ["zero2", "zero3"])
def test_a_missing_engine_names_its_extra(monkeypatch, launch):
    from callsheet.launch import engines

    found = engines.find_spec
    monkeypatch.setattr(engines, "find_spec", lambda name: None if name == "deepspeed" else found(name))
    said, _ = problems(f"launch={launch}", "launch.processes=2")
    assert said == [f"launch={launch} needs the package deepspeed: pip install 'callsheet[distributed]'"]


@pytest.mark.parametrize(("launch", "suggestion"), [("ddpp", "ddp"), ("zero4", "zero")])
def test_an_unknown_launch_offers_the_nearest(callsheet, launch, suggestion):
    done = callsheet("check", "recipe=demo", f"launch={launch}")
    assert done.returncode == 2 and f"launch has no option '{launch}'. Did you mean '{suggestion}" in done.stderr
