"""docs/rundir.md describes the files of real runs: each field that is there, with its type, and no other."""

import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from callsheet import EvalResult, Plugin, hookimpl
from callsheet.errors import PluginFailure
from callsheet.rundir.rundir import RunDir

PAGE = (Path(__file__).parents[2] / "docs" / "rundir.md").read_text(encoding="utf-8")
TYPES = {
    "text": str,
    "integer": int,
    "number": (int, float),
    "list": list,
    "object": dict,
    "null": type(None),
}
ROW = re.compile(r"^\| `(\w+)` \| ([\w ]+) \| (\w+) \|", re.M)


def schema(heading):
    """The fields below a heading: their types, and when they are there."""
    part = PAGE.split(f"## `{heading}`\n")[1].split("\n## ")[0]
    return {name: (tuple(TYPES[kind] for kind in kinds.split(" or ")), when) for name, kinds, when in ROW.findall(part)}


def wrong(content, heading, *present, more=False):
    """What of `content` is not as the page says; fields of the moments in `present` must be there."""
    known = schema(heading)
    for name, (kinds, when) in known.items():
        if when in ("always", *present) and name not in content:
            yield f"{heading} lacks {name}"
        kinds = [kind for each in kinds for kind in (each if isinstance(each, tuple) else (each,))]
        if name in content and type(content[name]) not in kinds:
            yield f"{heading}: {name} is {content[name]!r}"
    if not more:
        yield from (f"{heading}: {name} is on no page" for name in content if name not in known)


class Scores(Plugin):
    """Reports a score with its answers, and asks for things."""

    @hookimpl
    def on_step_end(self, state, step_idx):
        if step_idx == 1:
            state.request_eval("to see")
            state.report_eval(EvalResult("mine", {"accuracy": 0.5}), [{"prompt": "a"}])
            state.report_completions([{"prompt": "a", "completion": "b"}])


class Fails(Plugin):
    """Fails at the third step."""

    @hookimpl
    def on_step_end(self, state, step_idx):
        if step_idx == 3:
            raise RuntimeError("as asked")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run that failed, was resumed, published its checkpoints and scored them."""
    from callsheet.testing import SMALL, _train

    folder = tmp_path_factory.mktemp("runs") / "run"
    chosen = ["plugins=[bema,hub_revisions]", "plugins.bema.update_after=0", "plugins.bema.update_freq=2"]
    settings = [*SMALL, *chosen, "plugins.hub_revisions.hub=folder", f"output_dir={folder}"]
    typed = settings[len(SMALL) :]
    with pytest.raises(PluginFailure):
        _train(settings, typed, [Scores(), Fails(on_error="raise")])
    failed = RunDir(folder, is_main=False).run()
    _train(settings, typed, [Scores()])
    return folder, failed, RunDir(folder, is_main=False).run()


def test_run_json_is_as_the_page_says(runs):
    _, failed, completed = runs
    assert [*wrong(failed, "run.json", "trained", "ended", "put")] == []
    assert [*wrong(completed, "run.json", "trained", "done", "ended", "put")] == []
    assert failed["status"] == "failed" and completed["status"] == "completed"
    assert [attempt["status"] for attempt in completed["attempts"]] == ["failed", "completed"]
    named = re.findall(r"`(\w+)`", re.search(r"^\| `attempts` .*$", PAGE, re.M)[0])[1:]
    assert {*named} >= {*completed["attempts"][0]}
    one_hook = next(iter(next(iter(completed["cost"].values())).values()))
    shown = {"outcome": completed["outcome"], "best": completed["best"], "plugins": completed["plugins"][0]}
    for field, content in {**shown, "data": completed["data"]["train"], "cost": one_hook}.items():
        named = {*re.findall(r"`(\w+)`", re.search(rf"^\| `{field}` .*$", PAGE, re.M)[0])}
        assert {*content} <= named, field


@pytest.mark.parametrize(
    ("name", "heading", "more"),
    [
        ("metrics.jsonl", "metrics.jsonl", True),
        ("events.jsonl", "events.jsonl", True),
        ("checkpoints.jsonl", "checkpoints.jsonl", False),
        ("evals.jsonl", "evals.jsonl", False),
        ("completions/1.jsonl", "completions/", False),
    ],
)
def test_every_line_of_a_log_is_as_the_page_says(runs, name, heading, more):
    rows = [json.loads(line) for line in (runs[0] / name).read_text().splitlines()]
    assert rows
    for row in rows:
        present = () if name != "checkpoints.jsonl" or "revision" in row else ("complete",)
        assert [*wrong(row, heading, *present, more=more)] == []
        assert "time" not in row or datetime.fromisoformat(row["time"]).utcoffset().total_seconds() == 0


def test_every_event_is_on_the_page_with_its_fields(runs):
    known = {}
    for names, shown in re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (.*) \|$", PAGE.split("## `events.jsonl`")[1], re.M):
        for name in re.findall(r"`(\w+)`", names):
            known.setdefault(name, {*re.findall(r"`(\w+)`", shown)})
    for row in RunDir(runs[0], is_main=False).rows("events.jsonl"):
        assert {*row} - {"time", "event"} <= known[row["event"]], row


def test_every_event_that_the_source_writes_is_on_the_page():
    root = Path(__file__).parents[2]
    text = "".join(path.read_text() for room in ("core", "plugins") for path in (root / room).rglob("*.py"))
    written = {*re.findall(r"(?:\.event|context\.log)\(\s*\"(\w+)\"", text)}
    assert len(written) > 8 and [name for name in written if f"`{name}`" not in PAGE] == []


def test_every_entry_of_the_outbox_is_as_the_page_says(runs):
    entries = [json.loads(path.read_text()) for path in (runs[0] / "outbox").glob("*/*.json")]
    assert entries
    for entry in entries:
        assert [*wrong(entry, "outbox/")] == []


def test_the_directory_holds_nothing_that_the_page_does_not_name(runs):
    """But for the files of the model and of the Trainer."""
    named = PAGE.replace("checkpoint-N", "checkpoint-2")
    of_the_model = ("tokenizer", "generation_config", "chat_template", "special_tokens", "checkpoint-", "hub", "bema")
    found = [path.name for path in runs[0].iterdir() if not path.name.startswith(of_the_model)]
    assert [name for name in found if f"`{name}" not in named] == []


def test_a_run_can_be_moved_and_tells_the_same(runs, tmp_path):
    import shutil

    from callsheet.rundir.checkpoints import manifest
    from callsheet.session.status import status_of

    moved = Path(shutil.copytree(runs[0], tmp_path / "elsewhere"))
    run = RunDir(moved, is_main=False).run()
    assert str(runs[0]) not in json.dumps(
        {name: run[name] for name in run if name not in ("command", "config", "overrides")}
    )
    assert all(row.path.parent == moved for row in manifest(RunDir(moved, is_main=False)).values())
    assert status_of(moved).state == "completed"
