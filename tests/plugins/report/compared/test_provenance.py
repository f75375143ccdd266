import shlex
from typing import Any

import pytest

from callsheet_plugins.report.compared.provenance import command, told

RECORD = {
    "command": ["callsheet train", "recipe=demo", "dataset.path=/data/my rows.jsonl", "model.path=$(rm -rf ~)"],
    "cwd": "/home/me",
    "git": {"commit": "abc123", "branch": "main", "changed": 2},
    "data": {"train": {"sources": [{"path": "a.jsonl", "split": "train"}], "rows": 7000, "digest": "sha256:1"}},
    "plugins": [{"name": "lucky", "distribution": "callsheet-lucky", "version": "0.3", "entry_point": "lucky:Lucky"}],
    "versions": {"torch": "2.13.0"},
    "host": "node-1",
    "platform": "Linux",
    "world": {"engine": "ddp", "processes": 4, "nodes": 2},
    "started": "2026-11-28T03:51:36+00:00",
}


def test_the_command_is_quoted_for_a_shell():
    assert shlex.split(command(RECORD)) == ["callsheet", "train", *RECORD["command"][1:]]  # type: ignore[index]


def test_the_program_of_a_path_with_a_space_stays_one_word():
    assert command({"command": ["/opt/my tools/train.py", "--lr", "1"]}) == "'/opt/my tools/train.py' --lr 1"


def test_all_that_is_known_is_a_line_each():
    lines = told("run", RECORD, {"model": {"path": "me/model", "revision": "v1"}}).splitlines()
    assert [" ".join(line.split()) for line in lines[2:]] == [
        "in /home/me",
        "code git commit abc123, branch main, 2 files changed and not committed",
        "model me/model, revision v1",
        "data train a.jsonl (split train), 7,000 rows, sha256:1",
        "plugin lucky callsheet-lucky 0.3, lucky:Lucky",
        "version torch 2.13.0",
        "host node-1, Linux",
        "launch 4 processes, 2 nodes, engine ddp",
        "started 2026-11-28 03:51:36 UTC",
    ]


@pytest.mark.parametrize("value", [None, [], {}, "text", 7, [None], {"a": None}])
def test_a_record_with_fields_of_any_type_is_told(value: Any):
    record = {name: value for name in RECORD}
    assert told("run", record, {"model": value}).startswith("run")


def test_a_command_without_end_is_cut():
    assert "characters; run.json has all of it" in command({"command": ["callsheet train", "x" * 1_000_000]})
