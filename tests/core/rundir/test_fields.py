"""What a run directory holds is what docs/rundir.md says, or a sentence that names the file and the field."""

import json
import logging
import os

import pytest

from callsheet.errors import CallsheetError
from callsheet.rundir import versions
from callsheet.rundir.rundir import CHECKPOINTS, EVALS, METRICS, RUN, RunDir

BY_ANOTHER = {"callsheet": "0.9.7"}


def refusal(run_dir, what="run"):
    with pytest.raises(CallsheetError) as error:
        getattr(RunDir(run_dir), what)()
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "content, said",
    [
        ({"attempts": "x"}, "attempts is text, a list is needed"),
        ({"attempts": [1]}, "attempts[0] is a whole number, an object is needed"),
        ({"status": 3}, "status is a whole number, text is needed"),
        ({"outcome": []}, "outcome is a list, an object or null is needed"),
        ({"outcome": {"step": "9"}}, "outcome.step is text, a whole number or null is needed"),
        ({"plugins": [{"settings": {}}]}, "plugins[0] has no name"),
        ({"plugins": {}}, "plugins is an object, a list is needed"),
        ({"overrides": "a=1"}, "overrides is text, a list or null is needed"),
        ({"ids": None}, "ids is null, an object is needed"),
        ({"max_steps": 1.5}, "max_steps is a number, a whole number or null is needed"),
        ({"format": "2"}, "format is text, a whole number is needed"),
    ],
)
def test_a_wrong_type_in_run_json_is_named(tmp_path, content, said):
    (tmp_path / RUN).write_text(json.dumps(content))
    assert refusal(tmp_path).startswith(f"{tmp_path / RUN}: {said}. Repair it")


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "\0"])
def test_what_is_no_run_json_is_named(tmp_path, text):
    (tmp_path / RUN).write_text(text)
    assert refusal(tmp_path).startswith(f"{tmp_path / RUN}: it is")


@pytest.mark.parametrize("name, what", [(RUN, "run"), ("config.yaml", "config")])
def test_a_fifo_is_named_and_not_waited_at(tmp_path, name, what):
    os.mkfifo(tmp_path / name)
    assert f"{name} is a FIFO, no regular file" in refusal(tmp_path, what)


def test_what_a_later_version_added_is_kept(tmp_path):
    (tmp_path / RUN).write_text(json.dumps({"status": "running", "later": {"a": [1]}, "format": 1}))
    run_dir = RunDir(tmp_path)
    run_dir.update_run(status="completed")
    assert run_dir.run() == {"status": "completed", "later": {"a": [1]}, "format": 1}


def test_a_later_format_says_which_version_wrote_it(tmp_path):
    content = {"format": versions.FORMAT + 1, "attempts": {"of": "another shape"}, "versions": BY_ANOTHER}
    (tmp_path / RUN).write_text(json.dumps(content))
    said = refusal(tmp_path)
    assert said.startswith(
        f"{tmp_path} was written by Callsheet 0.9.7, in format 2, and this is Callsheet {versions.this_one()}"
    )
    assert said.endswith("Use that version, or a later one: pip install -U callsheet")


def test_a_field_that_another_version_may_have_changed_says_so(tmp_path):
    (tmp_path / RUN).write_text(json.dumps({"attempts": 3, "versions": BY_ANOTHER}))
    assert "attempts is a whole number, a list is needed. Callsheet 0.9.7 wrote it, and this is" in refusal(tmp_path)
    (tmp_path / RUN).write_text(json.dumps({"versions": BY_ANOTHER}))
    (tmp_path / "config.yaml").write_text("outbox: 3\n")
    assert "outbox is a whole number, an object or null is needed. Callsheet 0.9.7 wrote" in refusal(tmp_path, "config")


def test_a_run_at_work_writes_its_run_json_anew(tmp_path, caplog):
    run_dir = RunDir(tmp_path)
    run_dir.write_json(RUN, {"status": "running", "run": "a"})
    (tmp_path / RUN).write_text("{")
    run_dir.update_run(status="completed")
    assert run_dir.run() == {"status": "completed", "run": "a"}
    assert "This run writes it anew" in caplog.text


@pytest.mark.parametrize(
    "name, good, bad, said",
    [
        (EVALS, {"name": "a", "metrics": {"m": None}, "step": 1}, {"name": "a", "metrics": {}}, "it has no step"),
        (EVALS, {"name": "a", "metrics": {"m": "0.5"}, "step": None}, {"name": 1}, "name is a whole number"),
        (METRICS, {"step": 1, "loss": [1]}, {"step": "1"}, "step is text, a whole number is needed"),
        (CHECKPOINTS, {"name": "a", "extras": 1}, {"name": "a", "files": {"b": 1}}, "files[…] is a whole number"),
        (CHECKPOINTS, {"name": "a", "entries": 1}, {"name": "a", "revision": {"repo": "r"}}, "revision has no branch"),
        ("outbox/announced.jsonl", {"id": "a", "error": "b"}, {"id": "a", "error": ["b"]}, "error is a list"),
        ("heard.jsonl", {"any": "thing"}, [1], "it is a list, an object is needed"),
    ],
)
def test_a_line_that_is_none_harms_itself_only(tmp_path, caplog, name, good, bad, said):
    (tmp_path / "outbox").mkdir()
    lines = [json.dumps(good), json.dumps(bad), "[" * 100_000, "\x00\x00", '{"torn": ', json.dumps(good)]
    (tmp_path / name).write_text("\n".join(lines))
    assert [*RunDir(tmp_path).rows(name)] == [good, good]
    (warning,) = caplog.messages
    assert warning.startswith(f"{tmp_path / name} line 2: {said}")
    assert warning.endswith(". It is left out, as well as 1 more line.")
    assert [*RunDir(tmp_path).rows(name)] == [good, good] and len(caplog.messages) == 1


def test_torn_lines_are_no_news(tmp_path, caplog):
    (tmp_path / METRICS).write_text('{"step": 1}\n{"step": 2, "lo\n{"step": 3}\n{"st')
    assert [row["step"] for row in RunDir(tmp_path).rows(METRICS)] == [1, 3]
    assert not caplog.messages


@pytest.mark.parametrize("name, good", [(CHECKPOINTS, {"name": "a"}), (METRICS, {"step": 1})])
@pytest.mark.parametrize("bad", ["not json", "{not json", "<<<<<<< HEAD", '"text'])
def test_what_no_kill_leaves_is_named_wherever_it_stands(tmp_path, caplog, name, good, bad):
    (tmp_path / name).write_text("\n".join([json.dumps(good), bad, json.dumps(good), ""]))
    assert [*RunDir(tmp_path).rows(name)] == [good, good]
    (warning,) = caplog.messages
    assert warning.startswith(f"{tmp_path / name} line 2: it is no JSON") and warning.endswith(". It is left out.")


def test_a_log_that_is_none_is_named(tmp_path):
    os.mkfifo(tmp_path / EVALS)
    with pytest.raises(CallsheetError, match=r"evals.jsonl is a FIFO, no regular file\. Remove it"):
        [*RunDir(tmp_path).rows(EVALS)]
    assert [*RunDir(tmp_path).rows(METRICS)] == []


def test_many_lines_that_are_none_make_one_warning(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    (tmp_path / EVALS).write_text("[]\n" * 20_000)
    assert [*RunDir(tmp_path).rows(EVALS)] == []
    assert len(caplog.messages) == 1 and "as well as at least 9,999 more lines" in caplog.messages[0]
