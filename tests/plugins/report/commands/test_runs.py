"""`callsheet runs`: a table of the runs below a folder, and what of it is asked for."""

import json
import os
import pty
import shutil
import subprocess
import sys

import pytest
from privileges import modes_count

from ..made import make_experiment, make_run, write_json, write_rows

FAILED = {"status": "failed", "outcome": {"status": "failed", "step": 30, "error": "RuntimeError: out of memory"}}


@pytest.fixture
def place(tmp_path):
    """outputs/ with a sweep of two learning rates, a run that failed and one that was killed."""
    for number, rate in enumerate((0.001, 0.0001)):
        made = make_run(tmp_path / "outputs" / "sweep" / f"rate-{number}", seed=number, level=0.3 * number)
        change(made, rate=rate, started=f"2026-11-2{number}T00:00:00.000+00:00")
    change(make_run(tmp_path / "outputs" / "broke", steps=30), started="2026-11-25T00:00:00.000+00:00", **FAILED)
    killed = make_run(tmp_path / "outputs" / "killed", eval_every=0, scores=False)
    change(killed, started="2026-11-26T00:00:00.000+00:00", status="running", outcome=None)
    return tmp_path


def change(run, rate=None, **fields):
    record = {**json.loads((run / "run.json").read_text()), **fields}
    if rate:
        record["config"]["trainer"]["args"]["learning_rate"] = rate
        record["overrides"].append(f"trainer.args.learning_rate={rate}")
    write_json(run / "run.json", record)


def table(done):
    """The rows of a printed table, each by its headers."""
    assert done.returncode == 0, done.stderr
    lines = done.stdout.partition("\n\n")[0].splitlines()
    starts = [
        place for place in range(len(lines[0])) if all(line[:place].endswith("  ") or not place for line in lines)
    ]
    starts = [place for place in starts if any(line[place : place + 1].strip() for line in lines)]
    ends = [*starts[1:], 1000]
    cells = [[line[start:end].strip() for start, end in zip(starts, ends, strict=True)] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[1:]]


def names(done):
    return [row["run"] for row in table(done)]


def test_the_runs_below_outputs_with_what_differs_and_what_came_of_them(callsheet, place):
    rows = table(callsheet("runs"))
    assert [row["run"] for row in rows] == ["killed", "broke", "sweep/rate-1", "sweep/rate-0"]
    assert [row["status"] for row in rows] == ["dead", "failed", "completed", "completed"]
    assert [row["learning_rate"] for row in rows] == ["0.001", "0.001", "0.0001", "0.001"]
    assert rows[2]["step"] == "100/100" and rows[2]["eval_loss"] and " @" in rows[2]["best"]
    assert rows[0]["eval_loss"] == rows[0]["test.exact_match"] == "-"
    assert rows[1]["why"] == "RuntimeError: out of memory" and rows[0]["why"].startswith("The process was killed")


def test_without_outputs_this_folder_is_looked_at(callsheet, tmp_path):
    make_run(tmp_path / "here")
    assert names(callsheet("runs")) == ["here"]
    done = callsheet("runs", "gone")
    assert (done.returncode, done.stderr) == (2, "callsheet: There is no folder gone.\n")
    (tmp_path / "notes").mkdir()
    assert "notes holds no Callsheet run." in callsheet("runs", "notes").stderr


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (["--sort", "run"], ["broke", "killed", "sweep/rate-0", "sweep/rate-1"]),
        (["--sort", "-run"], ["sweep/rate-1", "sweep/rate-0", "killed", "broke"]),
        (["--sort", "run", "--reverse"], ["sweep/rate-1", "sweep/rate-0", "killed", "broke"]),
        (["--sort", "age"], ["killed", "broke", "sweep/rate-1", "sweep/rate-0"]),
        (["--sort", "learning_rate", "--sort", "-run"], ["sweep/rate-1", "sweep/rate-0", "killed", "broke"]),
        (["--sort=-exact_match", "--where", "exact_match>0.5"], ["sweep/rate-1", "sweep/rate-0"]),
    ],
)
def test_runs_are_sorted_by_any_column(callsheet, place, order, expected):
    assert names(callsheet("runs", *order)) == expected


def test_runs_without_a_value_stand_last_in_either_order(callsheet, place):
    for sign in ("", "-"):
        assert names(callsheet("runs", "--sort", f"{sign}best"))[-1] == "killed"


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (["status=failed"], ["broke"]),
        (["status=failed,killed"], ["killed", "broke"]),
        (["status=done"], ["sweep/rate-1", "sweep/rate-0"]),
        (["status!=completed"], ["killed", "broke"]),
        (["run=SWEEP/*"], ["sweep/rate-1", "sweep/rate-0"]),
        (["run=rate-1"], ["sweep/rate-1"]),
        (["learning_rate<1e-3"], ["sweep/rate-1"]),
        (["trainer.args.learning_rate=0.0001"], ["sweep/rate-1"]),
        (["learning_rate=1e-4"], ["sweep/rate-1"]),
        (["setting.learning_rate<=0.001", "step<50"], ["broke"]),
        (["metric.learning_rate>0.5e-3", "status=done"], ["sweep/rate-1", "sweep/rate-0"]),
        (["eval_loss="], ["killed"]),
        (["best!="], ["broke", "sweep/rate-1", "sweep/rate-0"]),
        (["why~memory"], ["broke"]),
        (["why!~memory", "status=failed,dead"], ["killed"]),
        (["size>1kB", "age>2h", "test.exact_match>=0%"], ["broke", "sweep/rate-1", "sweep/rate-0"]),
        (["started>2026-11-24"], ["killed", "broke"]),
        ([" steps == 30 "], ["broke"]),
    ],
)
def test_runs_are_filtered_by_any_column(callsheet, place, conditions, expected):
    asked = [word for condition in conditions for word in ("--where", condition)]
    assert names(callsheet("runs", *asked)) == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sort", "bset"], "There is no column 'bset'. Did you mean 'best'?"),
        (["--where", "learnin_rate=1"], "There is no column 'learnin_rate'. Did you mean 'learning_rate'?"),
        (["--columns", "exat_match"], "There is no column 'exat_match'. Did you mean 'exact_match'?"),
        (["--metric", "lss"], "No run has logged 'lss'. Did you mean 'loss'?"),
        (["--where", "metric.lss<1"], "There is no column 'metric.lss'. Did you mean 'metric.loss'?"),
        (["--where", "best<soon"], "--where best<soon: 'soon' is no number"),
        (["--where", "status"], "--where takes COLUMN=VALUE"),
        (["--where", "status=gone"], "None of 4 runs has status=gone. Their status is completed, dead, failed."),
        (["--columns", "x*"], "No column is called as in 'x*'."),
        (["--sort", "zzzzzzz"], "There are run, status, step,"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_nearest_right_answer(callsheet, place, words, said):
    done = callsheet("runs", *words)
    assert done.returncode == 2 and said in done.stderr and len(done.stderr.splitlines()) == 1


def test_columns_are_chosen_by_name_and_glob(callsheet, place):
    done = callsheet("runs", "--columns", "status,trainer.args.*,loss,took", "--where", "status=done")
    assert done.stdout.splitlines()[0].split() == ["run", "status", "args.seed", "learning_rate", "loss", "took"]
    assert callsheet("runs", "--metric", "loss").stdout.split("\n")[0].split().count("loss") == 1


@pytest.mark.parametrize("columns", [80, 120, 200])
def test_a_table_fits_its_screen_and_says_what_was_left_out(callsheet, place, columns):
    long = place / "outputs" / f"a run with {'long ' * 20}name"
    shutil.copytree(place / "outputs" / "sweep" / "rate-0", long)
    done = callsheet("runs", env={"COLUMNS": str(columns)})
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and max(map(len, lines)) <= columns and len(lines) < 14
    assert ("left out (--columns NAME" in done.stdout) == (columns == 80)
    assert any(line.startswith("broke: RuntimeError: out of memory") for line in lines) == (columns < 200)
    (row,) = (line for line in lines if line.startswith("a run with"))
    assert "…" in row and "name " in row


def test_a_narrow_screen_shows_scores_rather_than_that_all_steps_were_taken(callsheet, tmp_path):
    place = make_experiment(tmp_path / "outputs" / "exp", seeds=2)
    header = callsheet("runs", env={"COLUMNS": "80"}).stdout.splitlines()[0].split()
    assert "test.exact_match" in header and "step" not in header
    change(place / "bema-seed-0", status="running", outcome=None)
    assert "step" in callsheet("runs", env={"COLUMNS": "80"}).stdout.splitlines()[0].split()


def test_elsewhere_than_on_a_terminal_lines_are_plain_and_whole(callsheet, place):
    done = callsheet("runs", env={"COLUMNS": ""})
    assert "\x1b" not in done.stdout and "…" not in done.stdout and len(done.stdout.splitlines()) == 5
    assert "outputs/sweep/rate-0 " in done.stdout


def test_on_a_terminal_states_have_colours_unless_nobody_wants_them(place):
    for more, has_colours in (({}, True), ({"NO_COLOR": "1"}, False)):
        master, slave = pty.openpty()
        environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm", **more}
        command = [sys.executable, "-m", "callsheet", "runs"]
        subprocess.run(command, stdout=slave, cwd=place, env=environment, check=True)
        os.close(slave)
        said = os.read(master, 1 << 16).decode()
        os.close(master)
        assert ("\x1b[31mfailed\x1b[0m" in said) == has_colours and "sweep/rate-0" in said


def test_programs_get_an_object_a_run(callsheet, place):
    done = callsheet("runs", "--json", "--sort", "run")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    broke, killed, first, _ = rows
    assert [row["state"] for row in rows] == ["failed", "dead", "completed", "completed"]
    assert broke["why"] == "RuntimeError: out of memory" and broke["run_dir"] == f"{place}/outputs/broke"
    assert killed["metric"] == "loss" and not killed["scores"] and killed["settings"]["trainer.args.seed"] == 0
    assert first["best"]["step"] and first["best"]["greater_is_better"] is False and first["size"] > 1000
    assert first["scores"]["test.exact_match"]["step"] == 100 and set(first["metrics"]) >= {"loss", "eval_loss"}


def test_of_an_experiment_the_arms_are_shown(callsheet, tmp_path):
    make_experiment(tmp_path / "outputs" / "exp", seeds=2)
    rows = table(callsheet("runs", "outputs/exp", "--sort", "run"))
    assert [(row["run"], row["arm"], row["seed"]) for row in rows] == [
        *(("bema-seed-0", "bema", "0"), ("bema-seed-1", "bema", "1")),
        *(("plain-seed-0", "plain", "0"), ("plain-seed-1", "plain", "1")),
    ]
    assert names(callsheet("runs", "--where", "arm=bema", "--where", "seed=1")) == ["bema-seed-1"]


def test_arms_that_have_not_begun_are_told(callsheet, tmp_path):
    made = make_experiment(tmp_path / "outputs" / "exp", seeds=1)
    for number in range(2):
        write_json(made / "arms" / "pending" / f"later-{number}.json", {"name": f"later-{number}"})
    done = callsheet("runs")
    assert "2 arms have not begun: callsheet experiment status outputs/exp\n" in done.stdout


NAMES = ["two words", "ünïcode 東京", 'it\'s "quoted"', "<script>alert(1)<script>", "red\x1b[31m", "new\nline", "tab\t"]


def test_names_of_any_kind_are_shown_and_obeyed_by_no_terminal(callsheet, tmp_path):
    for name in NAMES:
        make_run(tmp_path / "outputs" / name, steps=2, scores=False, completions=False)
    for env in ({"COLUMNS": "80"}, {"COLUMNS": ""}):
        done = callsheet("runs", "--columns", "status", env=env)
        assert "\x1b" not in done.stdout and done.stdout.count("completed") >= len(NAMES)
        assert len(done.stdout.partition("\n\n")[0].splitlines()) == len(NAMES) + 1
    found = [json.loads(line)["run_dir"] for line in callsheet("runs", "--json").stdout.splitlines()]
    assert {path.rpartition("/")[2] for path in found} == {*NAMES}


def test_damaged_runs_keep_their_place_and_say_why(callsheet, place):
    outputs = place / "outputs"
    (outputs / "broke" / "run.json").write_text("{")
    change(outputs / "killed", format=99)
    (outputs / "half").mkdir()
    write_json(outputs / "half" / "run.json", {"run": "half", "status": "running"})
    done = callsheet("runs", "--sort", "run")
    rows = {row["run"]: row for row in table(done)}
    assert rows["broke"]["status"] == "unreadable" and "it is no JSON" in rows["broke"]["why"]
    assert rows["killed"]["status"] == "unreadable" and "in format 99" in rows["killed"]["why"]
    assert rows["half"]["status"] == "dead" and rows["half"]["eval_loss"] == "-" and not done.stderr


def test_logs_that_are_torn_odd_or_no_files_cost_their_values_alone(callsheet, place):
    run = place / "outputs" / "sweep" / "rate-0"
    with (run / "metrics.jsonl").open("a") as file:
        file.write(
            '[]\n{"step": "x", "eval_loss": 1}\n{"step": 101, "split": "eval", "eval_loss": null}\n{"step": 102, "eval_lo'
        )
    other = place / "outputs" / "sweep" / "rate-1"
    (other / "metrics.jsonl").unlink()
    os.mkfifo(other / "metrics.jsonl")
    (other / "evals.jsonl").unlink()
    (other / "evals.jsonl").symlink_to("/etc/passwd")
    rows = {row["run"]: row for row in table(callsheet("runs"))}
    assert rows["sweep/rate-0"]["eval_loss"] == "NaN" and rows["sweep/rate-0"]["best"].startswith("0.")
    assert rows["sweep/rate-1"]["eval_loss"] == rows["sweep/rate-1"]["test.exact_match"] == "-"


def test_what_this_user_may_not_read_is_named_and_left_out(place, capsys, monkeypatch):
    from callsheet_plugins.report.commands.runs import runs

    monkeypatch.chdir(place)
    monkeypatch.setenv("COLUMNS", "100")
    (place / "outputs" / "broke").chmod(0)
    (place / "outputs" / "killed" / "run.json").chmod(0)
    with modes_count():
        code = runs.main([], standalone_mode=False)
    said = capsys.readouterr()
    (place / "outputs" / "broke").chmod(0o755)
    assert code == 0 and "2 runs: 2 completed" in said.out
    assert sorted(line.split(" ")[1] for line in said.err.splitlines()) == [
        *(f"{place}/outputs/broke", f"{place}/outputs/killed/run.json")
    ]


def test_the_best_value_is_that_of_the_last_bytes_of_a_long_log_and_this_is_said(callsheet, tmp_path, monkeypatch):
    from callsheet_plugins.report.glance.finding import Columns
    from callsheet_plugins.report.glance.listing.notes import on_runs
    from callsheet_plugins.report.glance.look import look_at

    run = make_run(tmp_path / "long", steps=2)
    rows = [{"step": step, "split": "eval", "eval_loss": 1 / (abs(step - 900) + 1)} for step in range(1000)]
    write_rows(run / "metrics.jsonl", [{"step": 0, "split": "eval", "eval_loss": -1.0}, *rows, *rows])
    monkeypatch.setattr("callsheet_plugins.report.glance.look.MOST_BYTES", 1)
    (glance,) = look_at({run: "long"}).glances
    assert glance.best("eval_loss", False).value > 0 and not glance.logged.tail.is_whole
    assert any("best is that of the last 66 kB" in note for note in on_runs(Columns([glance]), [glance], 1))


def test_it_imports_nothing_heavy(place):
    code = (
        "import sys; sys.argv = ['callsheet', 'runs']; from callsheet.cli.main import cli\n"
        "cli.main(standalone_mode=False)\n"
        "print([name for name in ('torch', 'numpy', 'pyarrow', 'pandas', 'plotly', 'jinja2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=place, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
