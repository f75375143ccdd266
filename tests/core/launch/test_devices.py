"""What is refused before any process is started: engines, devices, and checkpoints that do not fit. No torch."""

import json
import subprocess
import sys

import pytest
from waiting import PATIENCE

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.run.train import check
from callsheet.rundir import compatibility


def problems(*overrides):
    plan = make_plan(compose(["recipe=demo", "plugins=[]", *overrides]), overrides)
    report = check(plan)
    return report.problems, report.warnings


@pytest.mark.parametrize("launch", ["zero2", "zero3"])
def test_a_missing_engine_names_its_extra(monkeypatch, launch):
    from callsheet.launch import engines

    found = engines.find_spec
    monkeypatch.setattr(engines, "find_spec", lambda name: None if name == "deepspeed" else found(name))
    said, _ = problems(f"launch={launch}", "launch.processes=2")
    assert said == [f"launch={launch} needs the package deepspeed: pip install 'callsheet[distributed]'"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["launch=ddp"], "launch=ddp needs launch.processes on a machine without GPUs."),
        (["launch.processes=2"], "launch=single is one process, and 2 are asked for. Choose launch=ddp"),
        (["launch=ddp", "launch.processes=2", "launch.config.x=1"], "launch=ddp uses neither"),
        (["launch=zero2", "launch.processes=2", "trainer.args.deepspeed=x.json"], "both choose the engine"),
        (["launch=zero2", "launch.processes=2", "launch.config.optimizer.type=Adam"], "choose the optimizer with"),
    ],
)
def test_a_launch_that_cannot_be_is_refused(overrides, message):
    said, _ = problems(*overrides)
    assert message in "\n".join(said)


def test_more_processes_than_gpus_are_refused_and_more_than_cores_are_unwise(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    on_gpus = ["launch=ddp", "launch.processes=3", "trainer.args.use_cpu=false"]
    assert problems(*on_gpus)[0] == [
        "launch.processes=3 asks for more processes than this machine has GPUs (2)."
    ]  # fmt: skip
    said, warned = problems("launch=ddp", "launch.processes=999")
    assert not said and "launch.processes=999 share" in warned[0]


@pytest.mark.parametrize(("launch", "suggestion"), [("ddpp", "ddp"), ("zero4", "zero")])
def test_an_unknown_launch_offers_the_nearest(callsheet, launch, suggestion):
    done = callsheet("check", "recipe=demo", f"launch={launch}")
    assert done.returncode == 2 and f"launch has no option '{launch}'. Did you mean '{suggestion}" in done.stderr


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


def test_the_checks_of_the_driver_import_no_torch():
    code = """
import sys
from callsheet.cli.main import cli
for launch in ("ddp", "zero3", "fsdp2"):
    cli.main(["check", "recipe=demo", f"launch={launch}", "launch.processes=2"], standalone_mode=False)
print(*[name for name in ("torch", "transformers", "deepspeed", "accelerate") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == ""
