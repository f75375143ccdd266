"""What a composed configuration makes of a run."""

from pathlib import Path

import pytest

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.errors import CallsheetError


@pytest.mark.parametrize("place", ["runs/ü mit space", "~/somewhere", "runs/plain"])
def test_a_directory_may_have_any_name(place):
    overrides = ["recipe=demo", f"output_dir={place}", "dataset.split=train[:50%]"]
    plan = make_plan(compose(overrides), overrides)
    assert plan.run_dir == Path(place).expanduser().absolute() and plan.dataset.split == "train[:50%]"


@pytest.mark.parametrize("name", ["output_dir", "resume", "model.path", "dataset.path", "dataset.eval_path"])
def test_a_name_that_no_file_can_have_is_refused(name):
    overrides = ["recipe=demo", f"{name}=runs/{'x' * 300}"]
    with pytest.raises(CallsheetError, match=f"{name} holds a name of more than 255 bytes: runs/xxx"):
        make_plan(compose(overrides), overrides)
