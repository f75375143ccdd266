"""Commands that the tests fork: each is a process like any other, and starts cold where a fork would differ."""

import os
import signal
import subprocess
import sys

import pytest
import warm
from warm.environment import differences

pytestmark = pytest.mark.skipif(not warm.is_possible(), reason="Commands start cold here.")

TOLD = "import os, sys; print(os.getppid(), 'torch' in sys.modules, 'callsheet' in sys.modules, sys.argv, os.getcwd())"


def told(*arguments, **options):
    done = warm.run([sys.executable, *arguments], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_command_is_our_child_with_torch_and_without_callsheet(tmp_path):
    (tmp_path / "told.py").write_text(TOLD)
    assert told("-c", TOLD, "a b", cwd=tmp_path) == f"{os.getpid()} True False ['-c', 'a b'] {tmp_path}"
    assert told("told.py", "x", cwd=tmp_path) == f"{os.getpid()} True False ['told.py', 'x'] {tmp_path}"


def test_code_streams_and_signals_are_its_own(tmp_path):
    code = "import sys; print(sys.stdin.read()); print('no', file=sys.stderr); sys.exit(7)"
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    process = warm.Popen([sys.executable, "-c", code], text=True, **pipes)
    assert process.communicate("said", timeout=300) == ("said\n", "no\n") and process.returncode == 7
    process = warm.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    assert os.getpgid(process.pid) == process.pid
    process.terminate()
    assert process.wait(300) == -signal.SIGTERM


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        ("pass", 0, "bye"),
        ("sys.exit()", 0, "bye"),
        ("sys.exit(3)", 3, "bye"),
        ("sys.exit('no')", 1, "bye"),
        ("raise ValueError('no')", 1, "bye"),
        ("raise KeyboardInterrupt", -signal.SIGINT, "bye"),
        ("os.kill(os.getpid(), 9)", -signal.SIGKILL, ""),
    ],
)
def test_it_ends_as_python_does(end, code, said):
    program = f"import atexit, os, sys; atexit.register(print, 'bye', end=''); {end}"
    for run in (warm.run, subprocess.run):
        done = run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
        assert (done.returncode, done.stdout) == (code, said)
        assert ("no" in done.stderr) == ("'no'" in end)


KEPT = """
import os, subprocess, sys
def before():
    os.nice(1)
if __name__ == "__main__":
    if sys.argv[1:]:
        subprocess.run([sys.executable, "-m", "callsheet"], check=True, preexec_fn=before)
    print("torch" in sys.modules, os.nice(0), os.path.dirname(__file__) in sys.path)
"""


def test_what_workers_start_is_warm_too_and_prepared_as_it_was_to_be(tmp_path):
    (tmp_path / "keeper.py").write_text(KEPT)
    (tmp_path / "callsheet.py").write_text(KEPT)
    keeper = [sys.executable, "-P", str(tmp_path / "keeper.py"), "on"]
    code = f"import subprocess; subprocess.run({keeper!r}, check=True)"
    nice = os.nice(0)
    said = told("-c", code, workers=True, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert said.splitlines() == [f"True {nice + 1} True", f"True {nice} True"]
    assert told("-P", str(tmp_path / "keeper.py")) == f"True {nice} False"


def test_modules_on_the_path_of_its_environment_are_found(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.customised = True")
    (tmp_path / "mine.py").write_text("import sys; print(sys.customised, __name__)")
    assert told("-m", "mine", env={**os.environ, "PYTHONPATH": str(tmp_path)}) == "True __main__"


KEPT_APART = """
import sys
import callsheet
print("callsheet.cli" in sys.modules, hasattr(callsheet, "cli"))
import callsheet.config.compose
print("callsheet.config.schema" in sys.modules, "callsheet.cli" in sys.modules, "kept" in repr(callsheet.__spec__))
"""


def test_a_module_of_callsheet_is_there_once_it_is_imported_with_what_it_imports():
    assert told("-c", KEPT_APART).splitlines() == ["False False", "True False False"]


def test_a_module_that_lies_before_callsheets_own_is_taken(tmp_path):
    (tmp_path / "callsheet").mkdir()
    (tmp_path / "callsheet" / "cli.py").write_text("here = True")
    (tmp_path / "callsheet" / "__init__.py").touch()
    assert told("-c", "from callsheet.cli import here; print(here)", cwd=tmp_path) == "True"


def test_a_run_in_this_process_does_not_make_later_commands_cold(run_demo):
    run_demo("plugins=[]")
    assert " True False " in told("-c", TOLD)


def test_what_joblib_sets_makes_no_later_command_cold():
    assert " True False " in told("-c", TOLD, env={**os.environ, "KMP_INIT_AT_FORK": "FALSE"})


def test_the_name_of_a_test_makes_no_command_cold(monkeypatch):
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "another")  # mlflow reads it, which transformers imports
    assert " True False " in told("-c", TOLD)


@pytest.mark.parametrize("name", ["HF_HUB_ETAG_TIMEOUT", "PYTHONHASHSEED", "OMP_WAIT_POLICY", "HF_HOME"])
def test_what_an_import_has_read_is_not_changed_afterwards(name):
    assert " False False " in told("-c", TOLD, env={**os.environ, name: "0"})


HUB = """
import sys
warm = "torch" in sys.modules
import datasets
from huggingface_hub import HfApi, constants, hf_api, hf_hub_url
from transformers.utils.hub import is_offline_mode
ends = HfApi().endpoint, hf_api.api.endpoint, hf_hub_url("a", "b").partition("/a/")[0], datasets.config.HF_ENDPOINT
print(warm, *{*ends}, is_offline_mode(), constants.is_offline_mode(), datasets.config.HF_HUB_OFFLINE)
"""


def test_where_the_hub_is_the_libraries_read_anew():
    env = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}
    assert told("-c", HUB, env=env) == "True http://127.0.0.1:9 False False False"
    cold = {**env, "HF_HUB_ETAG_TIMEOUT": "9"}
    assert told("-c", HUB, env=cold) == "False http://127.0.0.1:9 False False False"


def test_what_no_import_has_read_may_differ():
    assert not differences({"A": "1"}, {"B": "2"}, {"C"}) and differences({"A": "1"}, {}, {"A"}) == {"A"}
