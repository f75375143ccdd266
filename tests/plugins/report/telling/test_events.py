import re
from pathlib import Path

import pytest

from callsheet_plugins.report.telling.events import EVENTS, FAILED, KINDS, OTHER, RECOVERED, told

DOCS = Path(__file__).parents[4] / "docs" / "rundir.md"


def documented() -> set[str]:
    table = DOCS.read_text("utf-8").partition("| `event` | further fields |")[2].partition("\n\n")[0]
    return {name for line in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])}


def test_every_documented_event_has_its_sentence():
    assert documented() - EVENTS.keys() == set()


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_without_its_fields_is_still_a_sentence(name: str):
    event = told({"event": name})
    assert event.kind in KINDS
    assert event.sentence.endswith(".")
    assert not set("[]{}") & set(event.sentence)


@pytest.mark.parametrize("value", [None, "", 3, ["a"], {"a": [1]}, "x" * 100_000, "[{braces}]"])
@pytest.mark.parametrize("name", EVENTS)
def test_an_event_with_fields_of_any_type_is_told(name: str, value: object):
    fields = ("plugin", "reason", "error", "what", "request", "status", "processes", "train", "values", "checkpoint")
    assert len(told({"event": name, **dict.fromkeys(fields, value)}).sentence) < 3_000


def test_who_asked_for_what():
    event = {"event": "requested", "request": "stop", "plugin": "early_stopping", "reason": "eval_loss rose", "rank": 0}
    assert told(event).sentence == "Plugin early_stopping asked to stop the run: eval_loss rose."


def test_what_failed_and_what_came_of_it():
    event = told({"event": "plugin_failed", "plugin": "p", "hook": "on_log", "error": "E: no.", "on_error": "warn"})
    assert event.sentence == "Plugin p failed in its hook on_log: E: no. Training went on."
    assert event.kind == FAILED


def test_a_run_that_goes_on_in_other_processes():
    event = told({"event": "resuming", "checkpoint": "checkpoint-100", "step": 100, "processes": [2, 4]})
    assert event.sentence == "The run goes on from checkpoint-100 at step 100, in 4 processes (2 before)."
    assert event.kind == RECOVERED


@pytest.mark.parametrize("name", ["lucky_number", ["no", "text"], None, "<b>", 7])
def test_an_event_that_nobody_knows_is_told_by_its_fields(name: object):
    event = told({"event": name, "time": "2026-11-28T03:51:36+00:00", "number": 7, "why": "it is\nlucky"})
    assert event.kind == OTHER
    assert event.sentence.endswith("number 7, why it is lucky")
