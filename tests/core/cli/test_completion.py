"""What the Tab key offers."""

import os
import subprocess
import sys

import pytest


def complete(line, tmp_path):
    environment = {**os.environ, "COMP_LINE": line, "COMP_POINT": str(len(line))}
    command = [sys.executable, "-m", "callsheet", "-sc", "query=bash"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "choices"),
    [
        ("callsheet tr", ["train"]),
        ("callsheet train rec", ["recipe="]),
        ("callsheet train recipe=", ["recipe=demo"]),
        ("callsheet train plugins=bem", ["plugins=bema"]),
        ("callsheet train plugins=[bema,ex", ["plugins=[bema,exact_match"]),
        ("callsheet train recipe=demo plugins.bema.update_f", ["plugins.bema.update_freq="]),
        ("callsheet plugins csv", ["csv_metrics"]),
    ],
)
def test_tab_completes_commands_options_plugins_and_settings(tmp_path, line, choices):
    assert complete(line, tmp_path) == choices


def test_completion_is_installed_for_the_command_itself(callsheet):
    done = callsheet("-sc", "install=bash")
    assert done.returncode == 0 and "hydra_bash_completion" in done.stdout
