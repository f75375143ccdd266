"""Which run may go on from which checkpoint."""

import json

import pytest

from callsheet.rundir.again import compatibility
from core.launch.conftest import problems

FILES = {
    "ddp": ["rng_state_0.pth", "rng_state_1.pth"],
    "zero2": ["global_step4/mp_rank_00_model_states.pt", "global_step4/zero_pp_rank_0_mp_rank_00_optim_states.pt"],
    "zero3": [
        "global_step4/zero_pp_rank_0_mp_rank_00_model_states.pt",
        "global_step4/zero_pp_rank_0_mp_rank_00_optim_states.pt",
    ],
    "fsdp2": ["pytorch_model_fsdp.bin"],
}


def checkpoint(folder, launch, processes):
    for name in FILES[launch]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    for rank in range(processes):
        (folder / f"rng_state_{rank}.pth").touch()
    return folder


@pytest.mark.parametrize("saved", FILES)
def test_a_checkpoint_goes_on_under_its_own_engine_only(tmp_path, saved):
    folder = checkpoint(tmp_path / "checkpoint-4", saved, 2)
    assert compatibility.engine_of(folder) == saved and compatibility.processes_of(folder) == 2
    for engine in FILES:
        assert bool(compatibility.misfit(folder, engine, 2)) == (engine != saved)
    assert bool(compatibility.misfit(folder, "single", 1)) == (saved != "ddp")
    assert bool(compatibility.misfit(folder, saved, 4)) == (saved in ("zero2", "zero3"))


def test_another_models_checkpoint_is_refused_before_anything_is_loaded(run_demo, tmp_path):
    session = run_demo("plugins=[]")
    path = session.run_dir.path / "checkpoint-4"
    config = json.loads((path / "config.json").read_text())
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "checkpoint-4"
    path.rename(other)
    (other / "config.json").write_text(json.dumps({**config, "hidden_size": 48}))
    said, _ = problems(f"resume={other}", f"output_dir={tmp_path / 'new'}")
    assert len(said) == 1 and "is a checkpoint of another model: its hidden_size is 48" in said[0]
