from __future__ import annotations

import json
from pathlib import Path

import pytest

from callsheet.errors import CallsheetError
from callsheet.experiments.queue import directory
from callsheet.rundir import versions
from callsheet.rundir.rundir import now

RECORD = {"name": "e", "callsheet": versions.this_one(), "command": {}, "arms": [{"name": "b"}, {"name": "a"}]}


def written(folder: Path, **changes: object) -> Path:
    (folder / "experiment.json").write_text(json.dumps({**RECORD, "created": now(), **changes}))
    return folder


def test_a_record_says_how_arms_are_started_and_in_which_order(tmp_path: Path) -> None:
    command = {"flags": ["--config-dir", "conf"], "overrides": ["seed=1"], "cwd": "/home"}
    settings = {"budget": {"hours": 1.5, "runs": None}, "repeats": 3}
    found = directory.opened(written(tmp_path, command=command, settings=settings, later={"a": 1}))
    assert found.order == {"b": 0, "a": 1}
    assert (found.command.overrides, found.settings.budget.hours) == (("seed=1",), 1.5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"callsheet": "0.0.9"}, r"is an experiment of Callsheet 0\.0\.9, and this is .*install callsheet==0\.0\.9"),
        ({"created": "yesterday"}, "created is no time"),
        ({"command": "train"}, "command is text, an object is needed"),
        ({"settings": {"budget": {"hours": "x"}}}, r"settings\.budget\.hours is text"),
    ],
)
def test_another_version_and_a_damaged_record_are_refused(tmp_path: Path, changes: dict, said: str) -> None:
    with pytest.raises(CallsheetError, match=said):
        directory.opened(written(tmp_path, **changes))


def test_a_directory_that_is_no_experiment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CallsheetError, match="is not there"):
        directory.opened(tmp_path / "nowhere")
    (tmp_path / "run.json").touch()
    with pytest.raises(CallsheetError, match=r"holds no experiment\.json.* It holds a run"):
        directory.opened(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(CallsheetError, match="is no folder"):
        directory.opened(tmp_path / "file")
