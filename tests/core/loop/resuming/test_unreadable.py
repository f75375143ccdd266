"""A stranger's checkpoint runs no code of its own, and says which part of it would."""

import os
import shutil

import pytest
import torch

from callsheet.errors import CallsheetError

QUIET = ("plugins=[]", "trainer.args.eval_strategy=no")


class Evil:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.mkdir, (str(self.canary),)


@pytest.mark.parametrize("name", ["optimizer.pt", "scheduler.pt", "rng_state.pth", "callsheet/_trainer"])
def test_code_in_a_checkpoint_is_not_run_and_is_named(run_demo, tmp_path, name):
    before = run_demo(*QUIET, "trainer.args.max_steps=2").run_dir.path
    checkpoint = tmp_path / "strange" / "checkpoint-2"
    shutil.copytree(before / "checkpoint-2", checkpoint)
    file = checkpoint / name
    file = next(file.glob("*.pt")) if file.is_dir() else file
    torch.save({"state": Evil(tmp_path / "canary")}, file)
    with pytest.raises(CallsheetError) as refused:
        run_demo(*QUIET, f"resume={checkpoint}", output_dir="again")
    said = str(refused.value)
    assert "it holds code, posix.mkdir, which was not run" in said and str(checkpoint) in said
    assert not (tmp_path / "canary").exists()
