"""mlflow: read back from its database; arms fold, what is sent again is there once, late scores arrive."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from privileges import modes_count
from waiting import wait_until

from callsheet.errors import CallsheetError
from callsheet.records import LogContext
from callsheet.tracking import Point, Rows, Sink
from callsheet_plugins.trackers.mlflow import Mlflow
from callsheet_plugins.trackers.mlflow.places import local, problems, scheme_of, without_secret
from callsheet_plugins.trackers.mlflow.plugin import FORBIDDEN
from plugins.trackers.made import MARKUP, STARTED, completions, late_score, tracked, train


@pytest.fixture
def plugin(empty_mlflow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mlflow:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    return Mlflow()


@pytest.fixture
def database(plugin: Mlflow, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as opened:
        yield opened


def history(database: sqlite3.Connection, key: str) -> list[tuple[int, float, int]]:
    asked = "SELECT step, value, timestamp FROM metrics JOIN runs USING (run_uuid) WHERE key = ? ORDER BY step"
    return list(database.execute(asked, (key,)))


def tag(database: sqlite3.Connection, run: str, key: str) -> str | None:
    asked = "SELECT tags.value FROM tags JOIN runs USING (run_uuid) WHERE runs.name = ? AND tags.key = ?"
    found = database.execute(asked, (run, key)).fetchone()
    return found[0] if found else None


def statuses(database: sqlite3.Connection) -> dict[str, str]:
    return dict(database.execute("SELECT name, status FROM runs WHERE lifecycle_stage = 'active'").fetchall())


def sent(sink: Sink, *points: Point) -> Sink:
    for point in points:
        sink.point(point)
    sink.flush()
    return sink


def test_metrics_have_their_own_steps_and_times(plugin: Mlflow, database: sqlite3.Connection, tmp_path: Path) -> None:
    sent(plugin.open(tracked(tmp_path)), *(train(step) for step in range(1, 2_501)))

    at = int(STARTED * 1000)
    assert history(database, "train/loss") == [(step, 1 / step, at + step * 1000) for step in range(1, 2_501)]


def test_what_is_sent_again_is_there_once(plugin: Mlflow, database: sqlite3.Connection, tmp_path: Path) -> None:
    sent(plugin.open(tracked(tmp_path)), *map(train, range(1, 11))).rows(completions(5))

    again = sent(plugin.open(tracked(tmp_path)), *map(train, range(6, 16)))  # its ids were never written down
    again.rows(completions(5))
    again.flush()

    assert [step for step, *_ in history(database, "train/loss")] == [*range(1, 16)]
    [path] = tmp_path.rglob("step-*.json")
    assert len(json.loads(path.read_text())["data"]) == 2
    assert json.loads(tag(database, "plain", "mlflow.loggedArtifacts") or "") == [
        {"path": "completions/step-00000005.json", "type": "table"}
    ]


def test_a_score_arrives_after_the_end(plugin: Mlflow, database: sqlite3.Connection, tmp_path: Path) -> None:
    sink = sent(plugin.open(tracked(tmp_path)), train(10))
    sink.end("completed", {})
    late = plugin.open(tracked(tmp_path, is_new=False, ids=dict(sink.ids())))
    assert statuses(database)["plain"] == "RUNNING"

    sent(late, late_score(4)).end("completed", {})

    assert history(database, "bench/gsm8k/exact_match")[0][:2] == (4, 0.5)
    assert statuses(database)["plain"] == "FINISHED"


def test_seeds_fold_below_their_arm_and_arms_below_the_experiment(
    plugin: Mlflow, database: sqlite3.Connection, tmp_path: Path
) -> None:
    for arm, seed, status in (("a", 1, "completed"), ("a", 2, "failed"), ("b'", 1, "killed")):
        sent(plugin.open(tracked(tmp_path, arm, seed)), train(1)).end(status, {"error": "out of memory"})

    names = dict(database.execute("SELECT run_uuid, name FROM runs").fetchall())
    children = {name: names.get(tag(database, name, "mlflow.parentRunId") or "") for name in names.values()}
    assert children == {
        "first": None,
        "it's a sweep": None,
        "a": "it's a sweep",
        "b'": "it's a sweep",
        "a-s1": "a",
        "a-s2": "a",
        "b'-s1": "b'",
    }
    assert statuses(database) == {
        **{"first": "RUNNING", "it's a sweep": "FINISHED", "a": "FINISHED", "b'": "FINISHED"},
        **{"a-s1": "FINISHED", "a-s2": "FAILED", "b'-s1": "KILLED"},
    }
    assert [tag(database, "a-s2", name) for name in ("arm", "seed", "callsheet.error")] == ["a", "2", "out of memory"]


def test_parents_that_were_made_at_once_become_one(
    plugin: Mlflow, database: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from callsheet_plugins.trackers.mlflow.family import Family

    first = plugin.open(tracked(tmp_path, "a", 1))
    with monkeypatch.context() as blind:  # the second sees nobody, as if both had looked before either made one
        blind.setattr(Family, "_kept", made_unseen)
        second = plugin.open(tracked(tmp_path, "a", 2))
    assert len([*database.execute("SELECT 1 FROM runs WHERE name = 'a'")]) == 2

    first.end("completed", {})
    second.end("completed", {})

    assert tag(database, "a-s1", "mlflow.parentRunId") == tag(database, "a-s2", "mlflow.parentRunId")
    active = [name for name, stage in database.execute("SELECT name, lifecycle_stage FROM runs") if stage == "active"]
    assert active.count("a") == active.count("it's a sweep") == 1


def made_unseen(family: Any, key: str, name: str, parent: str | None) -> str:
    tags = {"callsheet.parent": key} | ({"mlflow.parentRunId": parent} if parent else {})
    return str(family._client.create_run(family._experiment_id, tags=tags, run_name=name).info.run_id)


def test_numbers_that_are_none_and_names_that_mlflow_forbids(
    plugin: Mlflow, database: sqlite3.Connection, tmp_path: Path
) -> None:
    odd = {plugin.names.fit(name): 1.0 for name in ("rewards/[b]", "../up", "/root", "a//b", "x" * 9_000, MARKUP)}
    point = Point("train", 1, STARTED, {"nan": math.nan, "inf": math.inf, **odd}, {"note": MARKUP + "y" * 9_000})

    sent(plugin.open(tracked(tmp_path)), point)

    known = {key: (value, is_nan) for key, value, is_nan in database.execute("SELECT key, value, is_nan FROM metrics")}
    assert known["nan"] == (0.0, 1) and known["inf"][0] > 1e308 and len(known) == 8
    assert {"rewards/_b_", "_/up", "_root", "a_b"} <= {*known}
    assert (tag(database, "plain", "note") or "").endswith("…")


@pytest.mark.parametrize("name", ["/", "//", ".", "..", "a/", "./a", "a/../b", "a///b", "a/.", "-", "ü/√", "a:b", ""])
def test_every_name_that_fits_is_one_for_mlflow(name: str) -> None:
    from mlflow.utils.validation import _validate_metric_name

    fitted = Mlflow.names.fit(name)

    _validate_metric_name(fitted)
    assert Mlflow.names.forbidden == FORBIDDEN and Mlflow.names.fit(fitted) == fitted


def test_settings_are_params_and_what_a_resume_changes_is_a_tag(
    plugin: Mlflow, database: sqlite3.Connection, tmp_path: Path
) -> None:
    many = {f"setting_{number}": number for number in range(250)}
    plugin.open(
        tracked(tmp_path, config={"trainer": {"args": {"lr": 0.1, "betas": [0.9]}}, "long": "x" * 7_000} | many)
    )
    plugin.open(tracked(tmp_path, config={"trainer": {"args": {"lr": 0.2}}, "new": None}))

    asked = "SELECT key, params.value FROM params JOIN runs USING (run_uuid) WHERE runs.name = 'plain'"
    params = dict(database.execute(asked).fetchall())
    assert (params["trainer.args.lr"], params["trainer.args.betas"], params["new"]) == ("0.1", "[0.9]", "None")
    assert len(params["long"]) == 6_000 and len(params) == 254
    assert tag(database, "plain", "changed.trainer.args.lr") == "0.2"


def test_completions_are_a_table_of_their_step(plugin: Mlflow, tmp_path: Path) -> None:
    import mlflow

    sink = plugin.open(tracked(tmp_path))
    sink.rows(completions(100))
    sink.flush()
    sink.rows(completions(200))
    sink.flush()

    first, second = sorted(tmp_path.rglob("step-*.json"))
    table = json.loads(first.read_text())
    assert (first.name, second.name) == ("step-00000100.json", "step-00000200.json")
    assert table["columns"] == ["step", "prompt", "completion", "rewards/right"]
    assert table["data"][0] == [100, "1 + 1 =", MARKUP.replace("\ud800", "?"), 0.5] and table["data"][1][3] is None
    client = mlflow.MlflowClient(sink.ids()["tracking_uri"])
    loaded = client.load_table(sink.ids()["experiment_id"], "completions/step-00000200.json", [sink.ids()["run_id"]])
    assert len(loaded) == 2


def test_two_tables_of_a_step_are_two_files(plugin: Mlflow, tmp_path: Path) -> None:
    sink = plugin.open(tracked(tmp_path))
    for weights in ("raw", "bema"):
        sink.rows(Rows("predictions/a b", 4, STARTED, ["step", "weights", "answer"], [[4, weights, "2"]]))
    sink.rows(Rows("completions", 4, STARTED, ["source", "completion"], [["eval/../x", "2"]]))

    [odd, *known] = sorted(path.relative_to(tmp_path / "mlruns").as_posix() for path in tmp_path.rglob("step-*.json"))
    assert "/artifacts/completions/step-00000004-eval-..-x--" in odd
    assert [Path(path).name for path in known] == ["step-00000004-bema.json", "step-00000004-raw.json"]


def test_checkpoints_and_revisions_are_tags(plugin: Mlflow, database: sqlite3.Connection, tmp_path: Path) -> None:
    sink = plugin.open(tracked(tmp_path))
    sink.checkpoint({"name": "checkpoint-4", "step": 4})
    sink.revision({"step": 4, "url": "https://hub/me/it/tree/abc", "weights": "raw"})
    sink.revision({"step": 4, "repo": "me/it", "commit": "def", "weights": "bema"})
    sink.flush()

    assert tag(database, "plain", "checkpoint") == "checkpoint-4"
    assert tag(database, "plain", "revision.4") == "https://hub/me/it/tree/abc"
    assert tag(database, "plain", "revision.4.bema") == "me/it@def"


def test_late_scores_find_the_database_from_another_folder(
    plugin: Mlflow, database: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = dict(sent(plugin.open(tracked(tmp_path)), train(1)).ids())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    sent(plugin.open(tracked(tmp_path, is_new=False, ids=ids)), late_score(4))

    assert history(database, "bench/gsm8k/exact_match") and not [*elsewhere.iterdir()]


def test_offline_writes_into_the_run_directory_alone(
    plugin: Mlflow, empty_mlflow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    run = tracked(tmp_path / "runs")
    shutil.copy(empty_mlflow, run.folder / "mlflow.db")
    (tmp_path / "mlflow.db").unlink()

    sink = Mlflow(offline=True).open(run)
    sent(sink, train(1)).rows(completions(1))

    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    assert [*run.folder.glob("artifacts/**/step-00000001.json")]
    assert sink.ids()["where"] == f"mlflow ui --backend-store-uri sqlite:///{run.folder / 'mlflow.db'}"


def test_a_deleted_run_is_said_to_be_deleted(plugin: Mlflow, tmp_path: Path) -> None:
    import mlflow

    ids = dict(plugin.open(tracked(tmp_path)).ids())
    mlflow.MlflowClient(ids["tracking_uri"]).delete_run(ids["run_id"])

    with pytest.raises(CallsheetError, match=f"was deleted in MLflow. .*mlflow runs restore --run-id {ids['run_id']}"):
        plugin.open(tracked(tmp_path, is_new=False, ids=ids))


def test_a_database_of_another_version_is_said_to_be_one(
    plugin: Mlflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as opened, opened:
        opened.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")

    with pytest.raises(
        CallsheetError, match=r"mlflow.db was written by another version of MLflow: .*mlflow db upgrade"
    ):
        plugin.open(tracked(tmp_path))


def test_a_database_that_was_half_made_is_said_to_be_one(plugin: Mlflow, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as opened, opened:
        for table in ("experiments", "runs"):
            opened.execute(f"DROP TABLE {table}")
        opened.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")

    with pytest.raises(CallsheetError, match="was never finished: two programs made it at once, or one was killed"):
        plugin.open(tracked(tmp_path))


def test_a_database_gets_its_name_when_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from callsheet_plugins.trackers.mlflow import databases

    path = tmp_path / "mlflow.db"
    draft = "import sys; file = open(sys.argv[1].removeprefix('sqlite:///'), 'w'); file.write({said!r}); file.close()"
    monkeypatch.setattr(databases, "MAKE", draft.format(said="half") + "; sys.exit('the disk is full')")
    with pytest.raises(OSError, match="MLflow could not make .*: the disk is full"):
        databases.make(path)
    assert not [*tmp_path.iterdir()]

    monkeypatch.setattr(databases, "MAKE", draft.format(said="first"))
    databases.make(path)
    monkeypatch.setattr(databases, "MAKE", draft.format(said="second"))
    monkeypatch.setattr(Path, "exists", lambda self: False)  # as one sees it that began before the first was done
    databases.make(path)

    assert path.read_text() == "first" and [*tmp_path.iterdir()] == [path]


def test_a_server_that_never_answers_is_given_up(
    silent_server: str, plugin: Mlflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    with pytest.raises(Exception, match="timed out|Max retries"):
        Mlflow(tracking_uri=silent_server).open(tracked(tmp_path))


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("sqlit:///x.db", "begins with 'sqlit', which MLflow does not know. Did you mean 'sqlite'?"),
        ("postgresql://me:pa55word@host/runs", "with a password from the environment: MLFLOW_TRACKING_URI"),
        ("sqlite:///no/such/folder/../../../etc.txt", ""),
        ("sqlite:///notes.txt", "notes.txt is no database that MLflow can use: file is not a database"),
        ("sqlite:///other.db", "other.db is no database that MLflow can use: it holds songs"),
        ("sqlite:////proc/mlflow.db", "/proc"),
        ("/proc/runs", "/proc"),
        ("http://127.0.0.1:9", ""),
        ("sqlite://", ""),
        ("databricks", ""),
    ],
)
def test_check_says_what_is_wrong_with_a_tracking_uri(uri: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("dear diary\n" * 200)
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE songs (name TEXT)")

    found = " ".join(problems(uri, tmp_path))

    assert (said in found) if said else not found


def test_check_says_where_this_user_may_not_write(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").touch()
    (tmp_path / "mlflow.db").chmod(0o444)
    closed = tmp_path / "closed"
    closed.mkdir(0o555)

    with modes_count():
        [of_file] = problems("sqlite:///mlflow.db", tmp_path)
        [of_folder] = problems(f"sqlite:///{closed}/mlflow.db", tmp_path)

    assert of_file.endswith(f"this user may not write {tmp_path}/mlflow.db. Give the path of another file.")
    assert str(closed) in of_folder


def test_check_needs_the_packages_of_a_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from callsheet_plugins.trackers.mlflow import places

    monkeypatch.setattr(places, "find_spec", lambda name: None)

    [said] = problems("sqlite:///x.db", tmp_path)
    assert said.endswith("which needs sqlalchemy and alembic: pip install 'callsheet[mlflow]'.")


def test_offline_and_a_uri_are_one_too_many(tmp_path: Path) -> None:
    [said] = Mlflow(offline=True, tracking_uri="http://x").problems(LogContext(tmp_path))

    assert "offline and tracking_uri each say where runs go" in said


def test_a_server_that_does_not_answer_is_a_doubt(tmp_path: Path) -> None:
    [said] = Mlflow(tracking_uri="http://127.0.0.1:9").doubts(LogContext(tmp_path))

    assert "http://127.0.0.1:9 does not answer: Connection refused. The run keeps what it logs." in said
    assert not [*Mlflow(tracking_uri="http://127.0.0.1:9").problems(LogContext(tmp_path))]


def test_what_a_uri_names() -> None:
    assert (scheme_of("mysql+pymysql://h/d"), scheme_of("file:///x"), scheme_of("x/y")) == ("mysql", "file", "")
    assert local("file:///a%20b", Path("/w")) == Path("/a b") and local("http://x", Path("/w")) is None
    assert without_secret("http://me:secret@host:5000/x") == "http://host:5000/x"


def test_nothing_is_left_in_the_environment_but_defaults() -> None:
    assert os.environ.get("MLFLOW_DISABLE_TELEMETRY") == "true"


WHOLE_RUN = """
import sys, time
from pathlib import Path
from callsheet import EvalResult, LogContext
from callsheet.outbox.settings import OutboxSettings
from callsheet.rundir.rundir import METRICS, now
from callsheet.session.session import Session
from callsheet_plugins.trackers.mlflow import Mlflow
from callsheet_plugins.trackers.trackio import Trackio

run_dir, first, last, pause = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
mlflow, trackio = {"tracking_uri": f"sqlite:///{run_dir.parent}/mlflow.db"}, {"offline": True}
config = {"plugins": {"mlflow": mlflow, "trackio": trackio}, "outbox": {"first_delay_seconds": 0.05}}
with Session(LogContext(run_dir, "test", run_dir.name, config), {"mlflow": Mlflow(**mlflow), "trackio": Trackio(**trackio)},
             outbox=OutboxSettings(**config["outbox"])) as session:
    session.state.announce = session._announce
    for step in range(first, last + 1):
        session.state.step = step
        session.run_dir.append(METRICS, {"step": step, "split": "train", "epoch": 1, "loss": 1 / step, "time": now()})
        if step % 5 == 0:
            session.state.report_eval(EvalResult("sums", {"acc": step / 100}), [{"prompt": "1+1=", "completion": "2"}])
        print(step, flush=True)
        time.sleep(pause)
"""


def test_a_killed_and_resumed_run_is_in_both_trackers_once_and_whole(empty_mlflow: Path, tmp_path: Path) -> None:
    """In processes of their own, as a run has them."""
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    command = [sys.executable, "-c", WHOLE_RUN, str(tmp_path / "run")]
    killed = subprocess.Popen(
        [*command, "1", "100000", "0.02"], stdout=subprocess.PIPE, text=True, process_group=0, cwd=tmp_path
    )
    cursors = [tmp_path / "run" / "trackers" / f"{name}.json" for name in ("mlflow", "trackio")]
    wait_until(lambda: all(path.exists() and json.loads(path.read_text())["sent"] for path in cursors))
    os.killpg(killed.pid, signal.SIGKILL)
    reached = max(map(int, killed.communicate()[0].split()))

    last = reached + 5
    subprocess.run(
        [*command, str(max(1, reached - 3)), str(last), "0"], check=True, stdout=subprocess.DEVNULL, cwd=tmp_path
    )

    scored = [step for step in range(1, last + 1) if step % 5 == 0]
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        assert [step for step, *_ in history(database, "train/loss")] == [*range(1, last + 1)]
        assert [*dict.fromkeys(step for step, *_ in history(database, "bench/sums/acc"))] == scored
        assert statuses(database) == {"first": "RUNNING", "run": "FINISHED"}
    with closing(sqlite3.connect(tmp_path / "run" / "trackers" / "trackio" / "test.db")) as database:
        rows = [
            (step, json.loads(row)) for step, row in database.execute("SELECT step, metrics FROM metrics ORDER BY step")
        ]
        assert [step for step, row in rows if "train/loss" in row] == [*range(1, last + 1)]
        assert [*dict.fromkeys(step for step, row in rows if "predictions/sums" in row)] == scored
        assert database.execute("SELECT count(DISTINCT run_id) FROM metrics").fetchone() == (1,)
