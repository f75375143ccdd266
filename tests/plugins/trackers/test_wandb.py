"""wandb: read back from the file that it writes, offline; and a server that never answers."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from callsheet.records import LogContext
from callsheet_plugins.trackers.wandb import Wandb
from plugins.trackers.followers import Follower, followed, log, score, write_run

# The package is used in a process of its own, as in a run: it changes the one that imports it.
PROCESS = """
import sys
from pathlib import Path
from callsheet.tracking import Point, Rows
from callsheet_plugins.trackers.wandb import Wandb
from plugins.trackers.made import STARTED, completions, late_score, tracked, train

run = tracked(Path(sys.argv[1]), **eval(sys.argv[2]))
sink = Wandb(mode="offline", tags=["mine"]).open(run)
"""


def use(root: Path, program: str, **about: Any) -> Any:
    """Use a sink in a process of its own; returns what it printed, as JSON."""
    tests = Path(__file__).parents[2]
    code = f"import sys; sys.path.insert(0, {str(tests)!r})\n{PROCESS}{textwrap.dedent(program)}"
    unset = ("WANDB_PROJECT", "WANDB_MODE", "WANDB_ENTITY", "WANDB_API_KEY")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    command = [sys.executable, "-c", code, str(root), repr(about)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """What one run of an arm has left."""
    root = tmp_path_factory.mktemp("wandb")
    program = """
        for step in range(1, 4):
            sink.point(train(step))
        sink.point(train(4, loss=float("nan")))
        sink.rows(completions(2)); sink.rows(completions(4))
        sink.rows(Rows("other", 2, STARTED, ["prompt", "completion"], [["a", "b"]]))
        sink.rows(Rows("other", 4, STARTED, ["prompt", "rewards/right"], [["c", 1.0]]))
        sink.rows(Rows("other", 6, STARTED, ["completion"], [["d"]]))
        sink.point(late_score(2, texts={"bench/gsm8k/note": "late"}))
        sink.end("completed", {})
        """
    use(root, program, arm="wide", seed=1)
    return root


def records(root: Path, kind: str) -> list[Any]:
    """What the files hold of one kind, those of the first process first."""
    from wandb.proto import wandb_internal_pb2

    from callsheet_plugins.trackers.wandb.records import History

    found = []
    for path in sorted(root.rglob("run-*.wandb")):
        for content in History(path)._records():
            record: Any = wandb_internal_pb2.Record.FromString(content)
            if record.WhichOneof("record_type") == kind:
                found.append(getattr(record, kind))
    return found


def rows(root: Path) -> list[dict[str, Any]]:
    return [
        {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.item}
        for record in records(root, "history")
    ]


def tables(root: Path, name: str) -> list[Any]:
    return [json.loads(path.read_text()) for path in sorted(root.rglob(f"{name}*.table.json"))]


def test_metrics_scores_and_tables_stand_on_axes_of_their_own(written):
    found = rows(written)
    assert [(row["train/global_step"], row["train/loss"]) for row in found[:3]] == [(n, 1 / n) for n in (1, 2, 3)]
    assert math.isnan(found[3]["train/loss"]) and found[0]["_timestamp"] == 1_764_288_001.0
    assert found[-1] | {"bench/gsm8k/step": 2, "bench/gsm8k/exact_match": 0.5, "bench/gsm8k/note": "late"} == found[-1]
    over = {metric.name or metric.glob_name: metric.step_metric for metric in records(written, "metric")}
    assert over["train/*"] == "train/global_step" and over["bench/gsm8k/exact_match"] == "bench/gsm8k/step"


def test_a_table_grows_without_being_written_again(written):
    assert [len(table["data"]) for table in tables(written, "completions")] == [2, 2]
    grown = [row for row in rows(written) if "completions/nrows" in row]
    assert [(row["completions/step"], row["completions/nrows"]) for row in grown] == [(2, 2), (4, 4)]


def test_rows_with_other_columns_lose_none_of_them(written):
    found = [(table["columns"], table["data"]) for table in tables(written, "other")]
    assert sorted(found, key=repr) == [
        (["prompt", "completion"], [["a", "b"]]),
        (["prompt", "completion"], [[None, "d"]]),
        (["prompt", "rewards/right"], [["c", 1.0]]),
    ]


def test_seeds_fold_into_arms_and_arms_into_their_experiment(written):
    [run] = records(written, "run")
    assert (run.run_group, run.job_type, run.display_name) == ("it's a sweep", "wide", "wide-s1")
    assert run.run_id == "run-wide-s1-0000" and run.project == "callsheet" and list(run.tags) == ["mine"]
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert config["trainer"]["args"]["learning_rate"] == 0.1


def test_nothing_but_what_was_given_is_written_and_only_into_the_run_directory(written):
    assert [records(written, kind) for kind in ("stats", "output", "output_raw")] == [[], [], []]
    names = {path.name for path in written.rglob("files/*")}
    assert not names & {"output.log", "requirements.txt", "wandb-metadata.json", "code"}
    assert {path.name for path in written.rglob("*") if path.is_symlink()} <= {"debug-core.log"}
    assert {path.relative_to(written).parts[0] for path in written.rglob("*")} == {"outputs"}


def test_what_a_killed_process_had_written_and_not_uploaded_is_found(written, tmp_path):
    from callsheet.tracking import Rows
    from callsheet_plugins.trackers.wandb.unsent import unsent

    [file] = written.rglob("run-*.wandb")
    assert [*unsent([file], 0)] == []  # offline, it is the user's to send
    online = tmp_path / "run-1"
    shutil.copytree(file.parent, online)
    nan, table, *_, score = unsent([online / file.name], 3)

    assert nan["train/global_step"] == 4
    assert isinstance(table, Rows) and (table.name, table.step, len(table.rows)) == ("completions", 2, 2)
    known = {"bench/gsm8k/exact_match": 0.5, "bench/gsm8k/note": "late", "bench/gsm8k/step": 2, "bench/step": 2}
    assert score == {**known, "_timestamp": 1_764_288_099.0}


def test_after_a_kill_it_lacks_what_its_own_process_had_not_written(tmp_path):
    use(tmp_path, "sink.point(train(1)); sink.rows(completions(1)); sink.hurries = lambda: True; sink.close()")
    lacked, where = use(
        tmp_path,
        """
        import json
        lacked = [sink.lacks(item) for item in (train(1), completions(1), completions(1), train(2))]
        print(json.dumps([lacked, sink.ids()["where"]]))
        sink.close()
        """,
        is_new=False,
        ids={"run_id": "run-plain-0000"},
    )

    assert lacked == [False, False, True, True]
    assert len([*Path(where).glob("offline-run-*")]) == 2  # all files, those of the first process too
    assert {run.run_id for run in records(tmp_path, "run")} == {"run-plain-0000"}


def test_the_server_has_each_row_once_after_a_kill_and_a_late_score_opens_the_run_again(tmp_path):
    from plugins.trackers.wandb_server import served

    folder = write_run(tmp_path / "run")
    with served() as server:
        for step in range(1, 40):
            log(folder, step, loss=1.0)
        with Follower(folder.path, "wandb", {}, server.environment) as follower:
            follower.hear("sent")
            follower.kill()
        log(folder, 40, loss=1.0)
        followed(folder.path, "wandb", {}, server.environment)
        score(folder, 7, "sums", 0.5)
        said = followed(folder.path, "wandb", {}, server.environment)

        [rows] = server.runs.values()
        found = [json.loads(row) for row in rows]
    assert said.get("ended") == "completed"
    trained = [row["train/global_step"] for row in found if "train/loss" in row]
    assert trained == [*range(1, 41)]
    assert [row["bench/sums/step"] for row in found if "bench/sums/exact_match" in row] == [7]


def test_credentials_are_asked_for_unless_it_is_offline(tmp_path, monkeypatch):
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_MODE", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    ctx = LogContext(tmp_path)

    assert "wandb login" in " ".join(Wandb().problems(ctx))
    assert [*Wandb(mode="offline").problems(ctx)] == []
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password " + "x" * 40)
    assert [*Wandb().problems(ctx)] == []
    (tmp_path / "netrc").unlink()
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    assert [*Wandb().problems(ctx)] == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"project": "a/b"}, "plugins.wandb.project='a/b' holds '/'"),
        ({"entity": " "}, "plugins.wandb.entity=' ' is empty"),
        ({"group": "x" * 200}, "is longer than 128"),
        ({"tags": ["ok", ""]}, "plugins.wandb.tags holds ''"),
    ],
)
def test_what_wandb_would_refuse_later_is_said_before(tmp_path, settings, said):
    assert said in " ".join(Wandb(mode="offline", **settings).problems(LogContext(tmp_path)))
