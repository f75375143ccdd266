"""torch's elastic agent, as the driver of a run uses it."""

import threading

import pytest

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.launch.failures import WorkerFailure
from callsheet.launch.launcher import launch


def test_a_driver_that_goes_on_as_in_a_sweep_keeps_no_thread_of_a_run(tmp_path):
    """One that beats while Python ends would take the exit code of a complete run with it."""
    plan = make_plan(
        compose(["recipe=demo", "plugins=[]", "launch=ddp", "launch.processes=2", f"output_dir={tmp_path}"])
    )
    before = threading.enumerate()
    with pytest.raises(WorkerFailure, match="recipe has no option 'nothing'"):
        launch(plan, ["recipe=nothing"])  # which its workers find out before they load anything
    assert threading.enumerate() == before
