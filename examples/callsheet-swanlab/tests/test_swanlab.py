"""The tracker with the real SwanLab, offline, and what its files hold."""

from pathlib import Path

import pytest
from swanlab.proto.swanlab.record.v1.record_pb2 import Record
from swanlab.sdk.internal.core_python.store import DataStoreReader

from callsheet.tracking import Point, Rows, TrackedRun


def records(folder):
    """What SwanLab wrote, in order; `swanlab sync` reads it in the same way."""
    found = []
    for file in sorted(Path(folder).rglob("*.swanlab")):
        reader = DataStoreReader()
        reader.open(file)
        for data in reader:
            found.append(Record())
            found[-1].ParseFromString(data)
    return found


def scalars(folder):
    return [
        (one.scalar.key, one.scalar.step, one.scalar.value.number) for one in records(folder) if one.HasField("scalar")
    ]


@pytest.fixture
def run(tmp_path):
    return TrackedRun(tmp_path, "arm-a__s1", "exp", "exp-1234567", tmp_path / "files", group="exp", arm="arm-a", seed=1)


def test_it_imports_lightly(imports_lightly):
    imports_lightly("callsheet_swanlab")


def test_numbers_late_scores_and_tables_arrive(make_plugin, run):
    sink = make_plugin("swanlab", "plugins.swanlab.mode=offline").open(run)
    sink.point(Point("train", 4, 1.0, {"train/loss": 0.5}))
    sink.point(Point("bench/gsm8k", 2, 2.0, {"bench/gsm8k/exact_match": 0.25}))
    sink.rows(Rows("completions", 4, 3.0, ["prompt", "completion"], [["1+1=", "<script>\x00"]]))
    sink.end("completed", {})
    assert scalars(run.folder) == [("train/loss", 4, 0.5), ("bench/gsm8k/exact_match", 2, 0.25)]
    (start,) = [one.start for one in records(run.folder) if one.HasField("start")]
    assert (start.id, start.name, start.group, start.job_type) == ("exp-1234567", "arm-a__s1", "exp", "arm-a")
    (text,) = run.folder.rglob("*.txt")
    assert text.read_text() == "prompt: 1+1=\ncompletion: <script>\x00"


def test_it_follows_a_run(run_demo):
    folder = run_demo("plugins=[swanlab]", "plugins.swanlab.mode=offline").run_dir.path
    logged = scalars(folder)
    assert [step for name, step, _ in logged if name == "train/loss"] == [1, 2, 3, 4]
    assert [step for name, step, _ in logged if name == "eval/loss"] == [2, 4]
