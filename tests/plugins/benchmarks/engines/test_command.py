"""A command of one's own as an engine: what arrives, and where it runs."""

import json
import sys

from plugins.benchmarks.conftest import deliver, entries, put, result, scored


def test_a_program_that_is_not_there_fails_with_its_name(run_dir):
    put(run_dir, {"mine": {"engine": "command", "command": ["/nowhere/score", "{model}"]}}, 1, attempts=1)
    deliver(run_dir)
    (failed,) = entries(run_dir, "failed")
    assert "No such file or directory: '/nowhere/score'" in failed.error


ODD = 'it\'s "odd" `id` $(touch owned) ; rm -rf ~ \\ {model} %s \t\r\n\n— ünïcode 🦜 \x7f' + "x y\n" * 2500


SHOW = """
import json, sys
from pathlib import Path
content = Path(sys.argv[3]).read_bytes().decode()
Path(sys.argv[1]).write_text(json.dumps({"metrics": {"n": len(sys.argv)}, "predictions": [{"argv": sys.argv[2:], "file": content}]}))
"""


def test_prompts_and_tasks_full_of_what_a_shell_would_love_arrive_byte_for_byte(run_dir, tmp_path):
    script = tmp_path / "show me.py"
    script.write_text(SHOW)
    command = ["{python}", str(script), "{results}", "{system_prompt}", "{system_prompt_file}", "--task={task}"]
    task = "a b'c\"$(touch owned)\n;`id`"
    define = {"mine": {"engine": "command", "command": command, "task": task}}
    put(run_dir, define, 1, config={"dataset": {"system_prompt": ODD}})
    deliver(run_dir)
    (done,) = scored(run_dir)
    (row,) = [json.loads(line) for line in (run_dir / done.result["evals"][0]["predictions"]).open()]
    assert row["argv"][0] == row["file"] == ODD and row["argv"][2] == f"--task={task}"
    assert not [path for path in tmp_path.rglob("owned")]


def test_a_prompt_too_long_for_an_argument_travels_in_a_file(run_dir, tmp_path):
    script, long = tmp_path / "show.py", "p" * 300_000
    script.write_text(SHOW)
    command = ["{python}", str(script), "{results}", "x", "{system_prompt_file}"]
    put(run_dir, {"mine": {"engine": "command", "command": command}}, 1, config={"dataset": {"system_prompt": long}})
    deliver(run_dir)
    (done,) = scored(run_dir)
    (row,) = [json.loads(line) for line in (run_dir / done.result["evals"][0]["predictions"]).open()]
    assert row["file"] == long


def test_a_command_sees_the_modules_beside_its_script_and_no_gpu(run_dir, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    (tmp_path / "beside.py").write_text("import os\nGPUS = os.environ['CUDA_VISIBLE_DEVICES']")
    script = tmp_path / "score.py"
    script.write_text(
        "import beside, json, os, sys\n"
        "json.dump({'metrics': {'gpus': len(beside.GPUS), 'threads': int(os.environ['OMP_NUM_THREADS'])}}, open(sys.argv[1], 'w'))"
    )
    put(run_dir, {"mine": {"engine": "command", "command": [sys.executable, "score.py", "{results}"]}}, 1, threads=3)
    deliver(run_dir)
    (failed,) = entries(run_dir, "failed")
    assert "score.py" in failed.error, "a relative path is meant from where the run was started"
    monkeypatch.chdir(tmp_path)
    put(run_dir, {"mine": {"engine": "command", "command": [sys.executable, "score.py", "{results}"]}}, 2, threads=3)
    deliver(run_dir)
    assert result(scored(run_dir)[0])["metrics"] == {"gpus": 0.0, "threads": 3.0}
