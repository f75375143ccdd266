"""Every trainer on two real processes, and fine-tuning and preferences under every engine, with and without LoRA."""

import json

import pytest
from runs import Run
from trainer_matrix import LAUNCHED

from callsheet.testing.trainers import OVERRIDES, ROWS, TINY

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("trainer", "launch", "peft"), LAUNCHED)
def test_a_trainer_trains_on_two_processes_and_its_model_loads(tmp_path, trainer, launch, peft):
    data = tmp_path / "rows.jsonl"
    data.write_text("\n".join(map(json.dumps, ROWS[trainer])))
    settings = [f"trainer={trainer}", f"dataset.path={data}", f"peft={peft}", *TINY, *OVERRIDES.get(trainer, ())]
    run = Run(tmp_path, *settings, launch=launch, small=()).wait()
    first = next(entry for entry in run.said("witness") if "wrapper" in entry)
    assert first["world_size"] == 2 and run.status()["world"]["engine"] == launch
    assert first["dtensors"] == (first["parameters"] if launch == "fsdp2" else 0)
    assert first["partitioned"] == (first["parameters"] if launch == "zero3" else 0)
    assert run.hooks("witness", 0) == run.hooks("witness", 1) and not run.said("observer", 1)
    assert ("on_step_end", 2) in run.hooks("witness", 1)
    saved = "model" if peft == "none" else "adapter_model"
    assert (run.path / f"{saved}.safetensors").is_file() and run.status()["status"] == "completed"
