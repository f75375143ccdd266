"""trackio: read back from its database; groups hold seeds, what is sent again is there once, late scores arrive."""

from __future__ import annotations

import json
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from callsheet.records import LogContext
from callsheet.tracking import Point, Rows, Sink
from callsheet_plugins.trackers.trackio import Trackio
from plugins.trackers.made import MARKUP, STARTED, completions, late_score, tracked, train


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trackio reads its folder once, when it is imported: the tests of this file share it."""
    folder = tmp_path_factory.mktemp("trackio")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TRACKIO_DIR", str(folder))
        from trackio import utils
    return Path(utils.TRACKIO_DIR)


@pytest.fixture
def project(request: pytest.FixtureRequest, data: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TRACKIO_DIR", str(data))
    for name in ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL", "TRACKIO_WRITE_TOKEN", "TRACKIO_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    return request.node.name.partition("[")[0]


@pytest.fixture
def asked(project: str, data: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """What the project's database answers."""

    def ask(query: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(data / f"{project}.db")) as opened:
            return opened.execute(query, values).fetchall()

    return ask


def logged(asked: Callable[..., list[tuple[Any, ...]]], name: str) -> list[tuple[int, Any]]:
    rows = asked("SELECT step, metrics FROM metrics ORDER BY step, id")
    return [(step, json.loads(row)[name]) for step, row in rows if name in json.loads(row)]


def sent(sink: Sink, *points: Point) -> Sink:
    for point in points:
        sink.point(point)
    sink.flush()
    return sink


def test_numbers_have_their_own_steps_and_times(project: str, asked: Any, tmp_path: Path) -> None:
    sent(Trackio(project=project).open(tracked(tmp_path)), *map(train, range(1, 2_501)))

    assert logged(asked, "train/loss") == [(step, 1 / step) for step in range(1, 2_501)]
    assert asked("SELECT timestamp, run_name, run_id FROM metrics WHERE step = 60") == [
        ("2025-11-28T00:01:00+00:00", "plain", "run-plain-0000")
    ]


def test_what_is_sent_again_is_there_once(project: str, asked: Any, tmp_path: Path) -> None:
    for steps in (range(1, 11), range(6, 16)):
        sink = sent(Trackio(project=project).open(tracked(tmp_path)), *map(train, steps), late_score(4))
        sink.rows(completions(5))
        sink.flush()
        sink.end("completed", {"step": 15})

    assert [step for step, _ in logged(asked, "train/loss")] == [*range(1, 16)]
    assert len(logged(asked, "bench/gsm8k/exact_match")) == len(logged(asked, "completions")) == 1
    assert asked("SELECT count(*) FROM traces") == [(2,)] and asked("SELECT count(*) FROM alerts") == [(1,)]


def test_a_row_is_not_lost_beside_another_of_its_step(project: str, asked: Any, tmp_path: Path) -> None:
    sink = Trackio(project=project).open(tracked(tmp_path))
    sent(sink, train(4), train(4, reward=1.0), Point("eval", 4, STARTED + 4, {"eval/loss": 2.0}), late_score(4))

    assert len(asked("SELECT 1 FROM metrics WHERE step = 4")) == 4


def test_a_score_arrives_after_the_end(project: str, asked: Any, tmp_path: Path) -> None:
    sink = sent(Trackio(project=project).open(tracked(tmp_path)), train(10))
    sink.end("completed", {"step": 10})

    assert sink.ids()["where"].endswith(f"trackio show --project {project}")

    late = Trackio(project=project).open(tracked(tmp_path, is_new=False, ids=dict(sink.ids())))
    sent(late, late_score(4)).end("completed", {"step": 10})

    assert logged(asked, "bench/gsm8k/exact_match") == [(4, 0.5)]
    assert asked("SELECT DISTINCT run_id, run_name FROM metrics") == [("run-plain-0000", "plain")]


def test_seeds_are_a_group_and_settings_can_be_grouped_by(project: str, asked: Any, tmp_path: Path) -> None:
    for arm, seed in (("a", 1), ("a", 2), ("b", 1)):
        sent(Trackio(project=project).open(tracked(tmp_path, arm, seed)), train(1))

    configs = {name: json.loads(config) for name, config in asked("SELECT run_name, config FROM configs")}
    assert {name: config["_Group"] for name, config in configs.items()} == {"a-s1": "a", "a-s2": "a", "b-s1": "b"}
    assert [configs["a-s2"][name] for name in ("arm", "seed", "trainer.args.learning_rate")] == ["a", 2, 0.1]


def test_numbers_that_are_none_and_names_that_trackio_keeps(project: str, asked: Any, tmp_path: Path) -> None:
    names = Trackio.names
    odd = {names.fit(name): 1.0 for name in ("step", "__mine", "x" * 9_000, MARKUP)}
    point = Point("train", 1, STARTED, {"nan": math.nan, "inf": -math.inf, **odd}, {"note": MARKUP})

    sent(Trackio(project=project).open(tracked(tmp_path)), point)

    [(row,)] = asked("SELECT metrics FROM metrics")
    known = json.loads(row)
    assert (known["nan"], known["inf"], known["__step"], known["_mine"]) == ("NaN", "-Infinity", 1.0, 1.0)
    assert known["note"] == MARKUP[:-1] + "?" and max(map(len, known)) == 250


def test_completions_are_a_line_in_a_table_and_whole_in_a_trace(project: str, asked: Any, tmp_path: Path) -> None:
    sink = Trackio(project=project).open(tracked(tmp_path))
    sink.rows(completions(100))
    sink.rows(Rows("predictions/gsm8k", 100, STARTED, ["task", "score"], [["sum", 1.0]]))
    sink.flush()

    [(step, table)] = logged(asked, "completions")
    assert (step, table["_type"]) == (100, "trackio.table")
    assert [*table["_value"][0]] == ["rewards/right", "prompt", "completion"]
    assert table["_value"][1]["rewards/right"] is None and len(table["_value"][1]["prompt"]) == 300
    assert logged(asked, "predictions/gsm8k")[0][1]["_value"] == [{"score": 1.0, "task": "sum"}]
    [first, second] = asked("SELECT messages, metadata FROM traces ORDER BY trace_index")
    assert [said["content"] for said in json.loads(first[0])] == ["1 + 1 =", MARKUP.replace("\ud800", "?")]
    assert json.loads(first[1]) == {"rewards/right": 0.5} and len(json.loads(second[0])[0]["content"]) == 20_000


def test_the_end_is_an_alert_and_a_revision_a_report(project: str, asked: Any, tmp_path: Path) -> None:
    sink = Trackio(project=project).open(tracked(tmp_path))
    known = {"checkpoint": "checkpoint-4", "repo": "me/it", "commit": "abc", "url": "https://hub/me/it"}
    sink.revision({**known, "step": 4, "weights": "bema"})
    sink.end("failed", {"step": 7, "error": "out of memory"})

    [(step, report)] = logged(asked, "revisions/bema")
    assert step == 4 and report["_value"].startswith("**checkpoint-4** is published: `me/it@abc`")
    assert asked("SELECT title, text, level, step FROM alerts") == [("plain: failed", "out of memory", "error", 7)]


def test_a_folder_is_where_late_scores_go_too(project: str, tmp_path: Path) -> None:
    """Where the folder is another one, `trackio` must be imported anew."""
    from callsheet_plugins.trackers.trackio.places import chosen

    folder = tmp_path / "runs"
    assert chosen(Trackio(dir=str(folder)), {"TRACKIO_SPACE_ID": "me/runs"}, tmp_path).folder == folder
    assert chosen(Trackio(offline=True), {"TRACKIO_SERVER_URL": "http://x"}, folder).folder == folder
    assert chosen(Trackio(server_url="http://x"), {"TRACKIO_SPACE_ID": "me/runs"}, folder).space_id is None
    assert chosen(Trackio(), {"TRACKIO_DIR": "/data"}, folder).folder == Path("/data")


def test_a_server_that_does_not_answer_is_a_doubt(tmp_path: Path, project: str) -> None:
    [said] = Trackio(server_url="http://127.0.0.1:9").doubts(LogContext(tmp_path))

    assert "http://127.0.0.1:9 does not answer: Connection refused." in said


@pytest.fixture
def server(data: Path) -> Iterator[tuple[str, str]]:
    """Trackio's own server on loopback: its URL and its token."""
    import uvicorn
    from trackio.server import build_starlette_app_only

    app, token = build_starlette_app_only()
    serving = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=serving.run, daemon=True)
    thread.start()
    while not serving.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{serving.servers[0].sockets[0].getsockname()[1]}", token
    serving.should_exit = True
    thread.join()


def test_a_server_gets_all_of_it_once(
    server: tuple[str, str], project: str, asked: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, token = server
    monkeypatch.setenv("TRACKIO_WRITE_TOKEN", token)
    for _ in range(2):
        sink = sent(Trackio(project=project, server_url=url).open(tracked(tmp_path, "a", 1)), train(1, loss=math.nan))
        sink.rows(completions(1))
        sink.end("interrupted", {"step": 1})

    assert logged(asked, "train/loss") == [(1, "NaN")] and len(logged(asked, "completions")) == 1
    assert asked("SELECT level FROM alerts") == [("warn",)] and asked("SELECT count(*) FROM configs") == [(1,)]
    assert sink.ids()["url"] == url and token not in str(sink.ids())


def test_a_wrong_token_is_no_loss(
    server: tuple[str, str], project: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKIO_WRITE_TOKEN", "another-token")

    with pytest.raises(Exception, match="refused what was sent to it: .*write_token is required"):
        sent(Trackio(project=project, server_url=server[0]).open(tracked(tmp_path)), train(1))

    assert not (data / f"{project}.db").exists()


def test_a_server_that_never_answers_is_given_up(
    silent_server: str, project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKIO_WRITE_TOKEN", "a-token-of-ours")
    monkeypatch.setattr("callsheet_plugins.trackers.trackio.opening.TIMEOUT", 0.5)

    with pytest.raises(Exception, match=r"[Tt]imed? ?out"):
        sent(Trackio(project=project, server_url=silent_server).open(tracked(tmp_path)), train(1))


@pytest.mark.parametrize(
    ("settings", "environment", "said"),
    [
        ({}, {}, ""),
        ({"project": "registry-models"}, {}, "names that begin with 'registry-' are its registries"),
        ({"project": "my_traces"}, {}, "names that end in '_traces' are its own tables"),
        ({"space_id": "me/runs", "dir": "x"}, {}, "space_id and dir each say where runs go"),
        ({"server_url": "http://host?write_token=abc"}, {}, "leave it out, and set TRACKIO_WRITE_TOKEN"),
        ({"server_url": "http://host"}, {}, "http://host asks for a token: set TRACKIO_WRITE_TOKEN"),
        ({"server_url": "http://host"}, {"TRACKIO_WRITE_TOKEN": "a-token"}, ""),
        ({"server_url": "host:7860"}, {}, "'host:7860' is no URL"),
        ({}, {"TRACKIO_SERVER_URL": "http://host?write_token=abc"}, ""),
        ({"space_id": "me/a/b"}, {"HF_TOKEN": "hf_of-ours"}, "is no name of a Space, such as me/runs"),
        ({"space_id": "me/runs"}, {"HF_TOKEN": "hf_of-ours"}, ""),
        ({"space_id": "me/runs"}, {}, "needs a token of Hugging Face"),
        ({"dir": "/proc/runs"}, {}, "/proc"),
        ({"offline": True}, {"TRACKIO_DIR": "/proc/runs"}, ""),
    ],
)
def test_check_says_what_is_wrong(
    settings: dict[str, Any],
    environment: dict[str, str],
    said: str,
    project: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    found = " ".join(Trackio(**settings).problems(LogContext(tmp_path, experiment="it's mine")))

    assert (said in found) if said else not found
