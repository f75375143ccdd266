"""Each field that the commands read is replaced by something odd: they show the rest, or refuse in a sentence."""

import contextlib
import io
import itertools
import json
import logging
import os

import pytest
from privileges import modes_count

from callsheet.errors import CallsheetError
from callsheet_plugins.report.commands.compare import compare
from callsheet_plugins.report.commands.runs import runs
from callsheet_plugins.report.commands.status import status

from ..made import make_run, write_json

ODD = itertools.cycle([None, [], {}, "x", "\x1b[31m\n", 10**400, -1, 1.5, True, [1], {"a": {"b": []}}, "1e400", [[[]]]])
LOGS = ["metrics.jsonl", "evals.jsonl", "checkpoints.jsonl", "predictions/test-raw-50.jsonl"]


@pytest.fixture
def two(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    logging.disable(logging.CRITICAL)
    make_run(tmp_path / "a", arm="x", steps=60)
    yield make_run(tmp_path / "b", steps=60, seed=1, arm="y")
    logging.disable(logging.NOTSET)


def places(content, place=()):
    yield place
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, value in items:
        yield from places(value, (*place, name))


def with_odd(content, place):
    if not place:
        return next(ODD)
    made = json.loads(json.dumps(content))
    inner = made
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = next(ODD)
    return made


def call_all():
    """Call every command on both runs; whatever else they raise than what a user is told fails the test."""
    for command, words in (
        (runs, ["."]),
        (runs, [".", "--json", "--sort", "seed", "--sort", "arm", "--sort", "took", "--sort", "best"]),
        (runs, [".", "--columns", "*"]),
        (status, ["b"]),
        (status, ["b", "--json"]),
        (compare, ["a", "b"]),
        (compare, ["b", "a", "--json"]),
    ):
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), contextlib.suppress(CallsheetError):
            command.main(words, standalone_mode=False)
        assert "\x1b" not in said.getvalue()


def test_an_odd_field_of_the_record_costs_what_it_says_alone(two):
    record = json.loads((two / "run.json").read_text())
    record["trainer_args"] = {"metric_for_best_model": "loss", "greater_is_better": None}
    record["config"]["plugins"] = {"bema": {"lag": 1}}
    for place in places(record):
        (two / "run.json").write_text(json.dumps(with_odd(record, place)))
        call_all()


@pytest.mark.parametrize("name", LOGS)
def test_an_odd_field_of_a_row_costs_that_row_alone(two, name):
    lines = (two / name).read_text().splitlines()
    row = json.loads(lines[-2])
    for place in places(row):
        (two / name).write_text("\n".join([*lines, json.dumps(with_odd(row, place))]))
        call_all()


def test_a_value_before_an_odd_one_counts(two):
    with (two / "metrics.jsonl").open("a") as file:
        file.write('{"step": 61, "split": "eval", "eval_loss": "odd"}\n{"step": [], "eval_loss": 3}\n')
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        runs.main([".", "--json", "--where", "run=b"], standalone_mode=False)
    assert json.loads(said.getvalue())["last"]["step"] == 50


def test_a_record_without_most_fields_is_shown(two):
    write_json(two / "run.json", {"run": "b"})
    call_all()


@pytest.mark.parametrize("name", ["metrics.jsonl", "evals.jsonl"])
@pytest.mark.parametrize("how", ["closed", "fifo", "link"])
def test_a_log_that_is_there_and_cannot_be_read_is_named(two, name, how, capsys):
    log = two / name
    if how == "closed":
        log.chmod(0)
    else:
        log.rename(two / "moved")
        os.mkfifo(log) if how == "fifo" else log.symlink_to(two / "moved")
    told = {
        "closed": f"b/{name} cannot be read: ",
        "fifo": f"b/{name} is a FIFO",
        "link": f"b/{name} is a symbolic link",
    }
    for command, words in ((runs, ["."]), (status, ["b"]), (compare, ["a", "b"])):
        with modes_count():
            assert not command.main(words, standalone_mode=False)
        said = capsys.readouterr().err
        assert said.count(told[how]) == 1 and said.startswith("callsheet: ")


def test_a_log_that_is_missing_is_named_by_none_of_them(two, capsys):
    (two / "evals.jsonl").unlink()
    (two / "metrics.jsonl").unlink()
    runs.main(["."], standalone_mode=False)
    assert "jsonl" not in capsys.readouterr().err
