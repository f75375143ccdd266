"""Whether a run directory is free, or holds the very run that is to go on there."""

import pytest

from callsheet import CallsheetError

QUIET = "plugins=[]"


def test_another_learning_rate_is_another_run(run_demo):
    run_demo(QUIET)
    with pytest.raises(CallsheetError, match=r"holds another run: trainer.args.learning_rate is '?0?.?0?0?3e?-?3?'?"):
        run_demo(QUIET, "trainer.args.learning_rate=0.5")
    run_demo(QUIET, "trainer.args.max_steps=6", "trainer.args.logging_steps=3")


def test_a_run_killed_while_it_started_does_not_block_its_directory(run_demo, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").write_text("")
    (tmp_path / "run" / "slurm-17.out").write_text("")
    assert run_demo(QUIET).result.status == "completed"
