"""Which GPUs jobs are given: what is suggested, what is refused, and how the memory of one is shared."""

from __future__ import annotations

from typing import Any

import pytest

from callsheet import CallsheetError
from callsheet_plugins.benchmarks import Benchmarks, devices

from .conftest import callsheet, deliver, put, result, scored

SINGLE = {"name": "single"}
ON_CPU = "Benchmarks run on the CPU, since training has "
MINE = {"mine": {"engine": "command", "command": ["ls", "{memory_share}"]}}


def warnings(visible: list[str], launch: dict[str, Any] | None = SINGLE, **settings: Any) -> list[str]:
    plugin = Benchmarks(benchmarks=["gsm8k"], **settings)
    return [*devices.warnings(plugin, {"launch": launch} if launch else {}, visible)]


def problems(present: int = 2, name: str = "mine", **settings: Any) -> list[str]:
    define = {**MINE, **settings.pop("define", {})}
    return [*devices.problems(Benchmarks(benchmarks=[name], define=define, **settings), present)]


@pytest.mark.parametrize(
    ("visible", "launch", "said"),
    [
        (["0"], SINGLE, "the GPU. plugins.benchmarks.devices=[0] plugins.benchmarks.memory_share=0.3 gives them a share of its memory."),
        (["0", "1"], SINGLE, "GPU 0. plugins.benchmarks.devices=[1] gives them one of their own."),
        (["4", "6"], SINGLE, "GPU 4. plugins.benchmarks.devices=[6] gives them one of their own."),
        (["0", "1"], {"name": "ddp"}, "all 2 GPUs. plugins.benchmarks.devices=[1] plugins.benchmarks.memory_share=0.3 gives"),
        (["0", "1", "2"], {"name": "ddp", "processes": 2}, "2 of the 3 GPUs. plugins.benchmarks.devices=[2] gives"),
        (["GPU-5f3c"], SINGLE, "the GPU. plugins.benchmarks.devices gives them one by its number in nvidia-smi"),
    ],
)  # fmt: skip
def test_a_gpu_is_suggested_that_exists(visible: list[str], launch: dict[str, Any], said: str) -> None:
    (warning,) = warnings(visible, launch)
    assert warning.startswith(f"{ON_CPU}{said}")


def test_in_a_script_torchrun_says_how_many_gpus_train(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert "since training has 2 of the 3 GPUs. " in warnings(["0", "1", "2"], launch=None)[0]
    monkeypatch.delenv("LOCAL_WORLD_SIZE")
    assert "since training has GPU 0. " in warnings(["0", "1", "2"], launch=None)[0]


def test_check_suggests_what_this_machine_has(tmp_path: Any) -> None:
    asked = ("check", "recipe=demo", "plugins=[benchmarks]", "plugins.benchmarks.benchmarks=[words]")
    words = "+plugins.benchmarks.define.words={engine: command, command: [ls]}"
    for visible, said in (("0", "devices=[0] plugins.benchmarks.memory_share=0.3"), ("0,1", "devices=[1] gives")):
        done = callsheet(*asked, words, "trainer.args.use_cpu=false", cwd=tmp_path, CUDA_VISIBLE_DEVICES=visible)
        assert said in " ".join((done.stdout + done.stderr).split()), done.stderr


def test_a_gpu_of_the_training_is_shared_with_a_warning_or_within_bounds() -> None:
    (warning,) = warnings(["0", "1"], devices=[0])
    assert warning.startswith("Benchmarks share GPU 0 with the training, and may take memory that it needs.")
    assert warnings(["0", "1"], devices=[0], memory_share=0.3) == warnings(["0", "1"], devices=[1]) == []


def test_a_gpu_that_is_not_there_is_refused_where_the_gpus_are_known() -> None:
    assert problems(1, devices=[7]) == [
        "plugins.benchmarks.devices names GPU 7, which this machine does not have. It has GPU 0."
    ]
    assert "It has the GPUs 0 to 3." in problems(4, devices=[3, 4])[0]
    assert problems(4, devices=[0, 3]) == problems(0, devices=[7]) == []


@pytest.mark.parametrize("share", [0, 1, -0.5, 30])
def test_a_share_is_a_part(share: float) -> None:
    with pytest.raises(CallsheetError, match="memory_share must be"):
        Benchmarks(memory_share=share)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"memory_share": 0.3}, "memory_share is of the GPUs in plugins.benchmarks.devices, which names none."),
        ({"memory_share": 0.3, "dispatch": "slurm"}, "is for jobs on this machine, and with dispatch=slurm they have GPUs of their own."),
        ({"memory_share": 0.3, "devices": [0], "slots": 4}, "memory_share=0.3 leaves training nothing: 4 of 4 slots share a GPU"),
        ({"memory_share": 0.5, "devices": [0, 1], "slots": 3}, "memory_share=0.5 leaves training nothing: 2 of 3 slots share a GPU"),
    ],
)  # fmt: skip
def test_a_share_of_no_gpu_or_of_too_much_is_refused(settings: dict[str, Any], said: str) -> None:
    (problem,) = problems(**settings)
    assert said in problem


@pytest.mark.parametrize(
    ("define", "said"),
    [
        ({"engine": "command", "command": ["ls"]}, "memory_share=0.3 is not told to plugins.benchmarks.define.x.command: put {memory_share} into it."),
        ({"engine": "lm_eval", "backend": "sglang"}, "memory_share=0.3 cannot hold lm_eval's backend 'sglang'. Use plugins.benchmarks.define.x.backend=hf or vllm"),
        ({"engine": "lm_eval", "backend": "vllm", "model_args": {"gpu_memory_utilization": 0.9}}, "model_args.gpu_memory_utilization=0.9 and plugins.benchmarks.memory_share=0.3 are two shares."),
        ({"engine": "lm_eval"}, ""),
        ({"engine": "lm_eval", "backend": "vllm"}, ""),
        ({"engine": "lighteval"}, ""),
        ({"engine": "lighteval", "backend": "vllm"}, ""),
        ({"engine": "exact_match", "path": "x.jsonl"}, ""),
        ({"engine": "command", "command": ["ls", "--memory={memory_share}"]}, ""),
    ],
)  # fmt: skip
def test_a_share_that_an_engine_would_not_hold_is_refused(define: dict[str, Any], said: str) -> None:
    found = problems(name="x", define={"x": define}, devices=[0], memory_share=0.3)
    assert len(found) == bool(said) and all(said in problem for problem in found), found


def test_an_engine_of_another_package_holds_a_share_only_if_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bare:
        """An engine from before there were shares, which does not inherit from `Engine`."""

    monkeypatch.setattr(devices.engines, "engine", lambda name: Bare())
    (problem,) = problems(devices=[0], memory_share=0.3)
    assert problem == "plugins.benchmarks.memory_share=0.3 cannot hold engine command of benchmark 'mine'."


def test_a_job_is_told_its_gpu_and_its_share_of_it(run_dir: Any, tmp_path: Any) -> None:
    script = tmp_path / "score.py"
    script.write_text(
        "import json, os, sys\n"
        "metrics = {'share': float(sys.argv[2]), 'gpu': int(os.environ['CUDA_VISIBLE_DEVICES'])}\n"
        "json.dump({'metrics': metrics}, open(sys.argv[1], 'w'))"
    )
    command = ["{python}", str(script), "{results}", "{memory_share}"]
    put(run_dir, {"mine": {"engine": "command", "command": command}}, devices=[3], memory_share=0.3)
    deliver(run_dir)
    assert result(scored(run_dir)[0])["metrics"] == {"share": 0.3, "gpu": 3}
