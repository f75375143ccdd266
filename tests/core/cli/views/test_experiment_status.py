"""What is shown of an experiment: arms by state, who works, the expected end, the verdict; also of a damaged one."""

import dataclasses
import io
import json
import os
import re
import shutil
import time
from datetime import UTC, datetime

import pytest
from privileges import modes_count
from rich.console import Console

from callsheet import CallsheetError
from callsheet.cli.views import experiment_status, experiment_table
from callsheet.experiments import results
from callsheet.experiments.queue import holders
from core.experiments.results.experiments import two_methods


def shown(directory, width=80, **how):
    console = Console(file=io.StringIO(), width=width, highlight=False, **how)
    code = experiment_status.show(directory, console=console)
    return console.file.getvalue(), code


def at_work(made, arm, seconds, id="node1-7-aaaaaa", place="elsewhere"):
    """A worker of another machine says that it has had `arm` in hand for so long."""
    (made.path / "workers").mkdir(exist_ok=True)
    since = datetime.fromtimestamp(time.time() - seconds, UTC).isoformat(timespec="milliseconds")
    me = holders.this_process("0.1.0")
    holders.write(made.path, dataclasses.replace(me, id=id, host="node1", place=place, arm=arm, arm_since=since))


def going_on(path):
    made = two_methods(path, plain=(0.50, 0.52, None, 0.51), hypothesis="more")
    made.add("plain", 4)
    made.add("bema", 5)
    at_work(made, made.add("bema", 4, state="active"), 240)
    return made.record()


def test_it_says_who_works_on_what_since_when_and_until_when(tmp_path):
    said, code = shown(going_on(tmp_path / "demo").path)
    assert code == 0 and "arms        2 pending, 1 active, 7 done, 1 failed" in said
    assert "end         in about 26 min: 10 min an arm, 1 worker" in said  # two of 10 min, and 6 of the third
    assert "bema__s4  4 min  node1-7-aaaaaa" in said and "plain__s2  failed: CUDA out of memory" in said
    assert "bema is better than plain in test.accuracy" in said


@pytest.mark.parametrize("width", [80, 200])
def test_it_fits_its_terminal(tmp_path, width):
    said, _ = shown(going_on(tmp_path / "demo").path, width)
    assert max(map(len, said.splitlines())) <= width
    assert re.search(r"bema +4 \(3 pairs\) +0.536 ± 0.019 +\+0.033 \[\+0.019, \+0.048\] +better", said)


def test_a_dead_worker_is_gone_and_somebody_must_go_on(tmp_path):
    made = going_on(tmp_path / "demo")
    dead = holders.Process(2**22 + 1, 5)
    me = holders.this_process("0.1.0")
    holders.write(made.path, dataclasses.replace(me, id="node1-7-aaaaaa", process=dead, arm="bema__s4"))
    said, _ = shown(made.path, force_terminal=True)  # which does not wait for anything
    assert "it is gone" in said and "nobody works on it" in said and "callsheet experiment resume" in said


def test_on_a_terminal_it_looks_until_all_is_over(tmp_path, monkeypatch):
    made, looks = going_on(tmp_path / "demo"), []
    look = experiment_status.look

    def watched(directory):
        looks.append(directory)
        if len(looks) == 2:
            for state in ("pending", "active"):
                shutil.rmtree(made.path / "arms" / state)
        return look(directory)

    monkeypatch.setattr(experiment_status, "REFRESH", 0.01)
    monkeypatch.setattr(experiment_status, "look", watched)
    said, code = shown(made.path, force_terminal=True)
    assert (len(looks), code) == (2, 0) and "2 pending" in said and "7 done, \x1b[31m1 failed" in said


def test_json_is_strict_and_has_all(tmp_path, capsys):
    experiment_status.show(going_on(tmp_path / "demo").path, as_json=True)
    found = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(name))
    assert found["counts"] == {"pending": 2, "active": 1, "done": 7, "failed": 1} and not found["is_over"]
    assert found["working"][0]["arm"] == "bema__s4" and 1500 < found["seconds_left"] < 1600 and found["expected_end"]
    assert len(found["arms"]) == 11 and found["verdict"]["comparisons"][0]["verdict"] == "better"


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"settings": 3}', '{"arms": [3]}', "\xff\xfe", None, "fifo", "folder", "link"]
)
def test_a_damaged_record_is_said_and_the_arms_are_shown(tmp_path, damage):
    made = going_on(tmp_path / "demo")
    record = made.path / "experiment.json"
    record.unlink()
    if damage == "fifo":
        os.mkfifo(record)
    elif damage == "folder":
        record.mkdir()
    elif damage == "link":
        record.symlink_to("/etc/passwd")
    elif damage is not None:
        record.write_text(damage, encoding="latin-1")
    if damage == "link":
        with pytest.raises(CallsheetError, match="symbolic link"):
            shown(made.path)
        return
    said, code = shown(made.path)
    assert (
        code == 2
        and "success_metric" not in said
        and "damaged: " in said
        and "7 done, 1 failed" in said
        and "Traceback" not in said
    )


@pytest.mark.parametrize(
    "place", ["arms/active", "arms/done/bema__s3.json", "workers/node1-7-aaaaaa.json", "arms/done"]
)
@pytest.mark.parametrize("content", ["{", '{"name": 3}', None])
def test_damage_elsewhere_costs_what_is_damaged(tmp_path, place, content):
    made = going_on(tmp_path / "demo")
    path = made.path / place
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    if content is not None:
        path.write_text(content)
    if content is not None and "." not in place:
        with pytest.raises(CallsheetError, match="arms/"):
            shown(made.path)
        return
    said, _ = shown(made.path)
    assert "experiment  demo" in said and "plain" in said


def test_what_this_user_may_not_read_costs_what_it_says(tmp_path):
    made = going_on(tmp_path / "demo")
    for closed in ("workers", "bema__s3", "arms/done/plain__s0.json"):
        (made.path / closed).chmod(0o000)
    with modes_count():
        said, code = shown(made.path)
    for closed in ("workers", "bema__s3", "arms/done/plain__s0.json"):
        (made.path / closed).chmod(0o700)
    assert code == 0 and "bema__s3  Its run cannot be read" in said and "7 done, 1 failed" in said
    assert "plain__s0  failed: Its file in the queue cannot be read" in said


def test_control_characters_reach_no_terminal(tmp_path):
    made = going_on(tmp_path / "demo")
    made.failed("plain", 9, error="\x1b[2Jgone [/b] [red]")
    made.record(name="\x1b[31mdemo")
    said, _ = shown(made.path)
    assert "\x1b" not in said and "[/b] [red]" in said


@pytest.mark.parametrize("make", [lambda folder: folder / "none", lambda folder: folder])
def test_what_is_no_experiment_is_refused(tmp_path, make):
    with pytest.raises(CallsheetError, match=r"There is no folder|holds no experiment"):
        shown(make(tmp_path))


def test_the_table_alone(tmp_path):
    console = Console(file=io.StringIO(), width=80)
    experiment_table.show(results.of(two_methods(tmp_path / "demo").path), console)
    lines = console.file.getvalue().splitlines()
    assert lines[0] == "test.accuracy, maximized, against plain"
    assert lines[2].split() == ["plain", "4", "0.505", "±", "0.013", "baseline"]
    assert lines[3].split()[:6] == ["bema", "4", "0.536", "±", "0.019", "+0.031"] and lines[3].rstrip().endswith(
        "better"
    )


def test_the_command_shows_it_once_where_nobody_looks(tmp_path, callsheet):
    made = going_on(tmp_path / "demo")
    shown = callsheet("experiment", "status", str(made.path))
    assert shown.returncode == 0 and "\x1b" not in shown.stdout and "1 active, 7 done, 1 failed" in shown.stdout
    told = callsheet("experiment", "status", "--json", str(made.path))
    assert json.loads(told.stdout)["name"] == "demo"
    assert "Print one JSON object" in callsheet("experiment", "status", "--help").stdout
    none = callsheet("experiment", "status", str(tmp_path / "dmeo"))
    assert none.returncode == 2 and "There is no folder" in none.stderr and "Traceback" not in none.stderr
