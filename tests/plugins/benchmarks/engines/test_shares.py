"""A share of a GPU's memory is in what each engine's process gets."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
import yaml

from callsheet_plugins.benchmarks import Benchmarks, engines
from callsheet_plugins.benchmarks.engines import Work, shares

# Stands for torch on a machine with two GPUs, and says what it was told.
TORCH = """
class cuda:
    device_count = staticmethod(lambda: 2)
    @staticmethod
    def set_per_process_memory_fraction(share, device):
        print("share", share, device)
"""
PROGRAM = "import sys\nprint(__name__, *sys.argv[1:])\nsys.exit(3)"


def work(folder, share, **settings):
    plugin = Benchmarks(benchmarks=["mine"], define={"mine": settings})
    (folder / "out").mkdir()
    made = Work("mine", plugin.complete({})["mine"], "me/model", "abc", folder, folder / "out", gpus=1)
    return replace(made, memory_share=share)


@pytest.mark.parametrize(
    "settings", [{"engine": "lm_eval"}, {"engine": "lighteval"}, {"engine": "exact_match", "path": "x.jsonl"}]
)
def test_a_program_with_a_torch_of_its_own_is_capped(tmp_path, settings):
    job = work(tmp_path, 0.3, **settings)
    capped = engines.engine(settings["engine"]).command(job)
    plain = engines.engine(settings["engine"]).command(replace(job, memory_share=None))
    assert capped == [plain[0], str(shares.CAPPED), "0.3", *plain[1:]]


@pytest.mark.parametrize("engine", ["lm_eval", "lighteval"])
def test_vllm_is_given_the_share(tmp_path, engine):
    job = work(tmp_path, 0.3, engine=engine, backend="vllm")
    assert str(shares.CAPPED) not in engines.engine(engine).command(job), "vLLM takes memory in processes of its own"
    (config,) = tmp_path.glob("*.yaml")
    content = yaml.safe_load(config.read_text())
    assert (content.get("model_args") or content["model_parameters"])["gpu_memory_utilization"] == 0.3


@pytest.mark.parametrize("program", [["-m", "lm_eval", "a"], ["program.py", "a"]], ids=["module", "file"])
@pytest.mark.parametrize("safe", ["", "1"])
def test_a_capped_program_runs_as_itself_once_each_gpu_has_its_cap(tmp_path, program, safe):
    (tmp_path / "torch.py").write_text(TORCH)
    for name in ("lm_eval.py", "program.py"):
        (tmp_path / name).write_text(PROGRAM)
    command = [sys.executable, str(shares.CAPPED), "0.3", *program]
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": safe}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (done.stdout.splitlines(), done.returncode) == (["share 0.3 0", "share 0.3 1", "__main__ a"], 3), done.stderr


def test_a_capped_program_finds_the_torch_that_is_installed(tmp_path):
    (tmp_path / "program.py").write_text("import torch; print(torch.cuda.device_count())")
    command = [sys.executable, str(shares.CAPPED), "0.3", str(tmp_path / "program.py")]
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    assert subprocess.run(command, capture_output=True, text=True, env=env, check=True).stdout == "0\n"
