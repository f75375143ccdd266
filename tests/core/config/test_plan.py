"""What a composed configuration makes of a run."""

from pathlib import Path

import pytest

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan


@pytest.mark.parametrize("place", ["runs/ü mit space", "~/somewhere", "runs/plain"])
def test_a_directory_may_have_any_name(place):
    overrides = ["recipe=demo", f"output_dir={place}", "dataset.split=train[:50%]"]
    plan = make_plan(compose(overrides), overrides)
    assert plan.run_dir == Path(place).expanduser().absolute() and plan.dataset.split == "train[:50%]"
