import json
from pathlib import Path
from typing import Any

import pytest

from callsheet_plugins.report.compared.asked import asked


def write(folder: Path, command: Any) -> Path:
    (folder / "experiment.json").write_text(json.dumps({"command": command}))
    return folder


def test_an_experiment_is_called_as_it_was(tmp_path: Path):
    command = {"flags": ["--yes"], "typed": ["experiment=my file.yaml"], "cwd": "/home/my work", "is_sweep": False}
    assert asked(write(tmp_path, command)) == "cd '/home/my work'\ncallsheet experiment --yes 'experiment=my file.yaml'"


def test_a_sweep_is_called_as_one(tmp_path: Path):
    assert asked(write(tmp_path, {"typed": ["a=1,2"], "is_sweep": True})) == "callsheet train -m a=1,2"


@pytest.mark.parametrize("content", ["", "{", "[]", "7", '{"command": 7}', "[" * 100_000])
def test_what_cannot_be_read_is_not_told(tmp_path: Path, content: str):
    (tmp_path / "experiment.json").write_text(content)
    assert asked(tmp_path) == ""
    assert asked(tmp_path / "nowhere") == ""
