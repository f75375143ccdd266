"""`callsheet status`: one run in full, several with a line each, and JSON for programs."""

import json
import os
import shlex

import pytest

from ..made import make_run, write_json

RUN = {"run": "a", "status": "running", "overrides": ["recipe=demo"], "max_steps": 9}


def made(folder, **fields):
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({**RUN, **fields}))


def test_a_killed_run_is_dead_and_what_goes_on_can_be_copied(callsheet, tmp_path):
    made(tmp_path / "runs" / "a")
    done = callsheet("status", "runs/a")
    assert done.returncode == 0, done.stderr
    facts = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert facts["state"] == "dead" and facts["step"] == "? of 9" and facts["checkpoint"] == "none is complete"
    assert "go on       callsheet train recipe=demo output_dir=runs/a\n" in done.stdout


def test_of_several_each_gets_a_line_and_what_is_no_run_is_left_out(callsheet, tmp_path):
    made(tmp_path / "runs" / "a")
    made(tmp_path / "runs" / "b", status="failed", outcome={"status": "failed", "error": "RuntimeError: no"})
    (tmp_path / "runs" / "notes").mkdir()
    done = callsheet("status", "runs/a", "runs/b", "runs/notes")
    states = [line.split()[0] for line in done.stdout.splitlines()]
    assert states == ["state", "dead", "failed"] and "RuntimeError: no" in done.stdout
    rows = [json.loads(line) for line in callsheet("status", "--json", "runs/a", "runs/b").stdout.splitlines()]
    assert [row["state"] for row in rows] == ["dead", "failed"]
    assert rows[0]["run_dir"] == str(tmp_path / "runs" / "a")


def test_what_is_no_run_is_refused(callsheet, tmp_path):
    (tmp_path / "notes").mkdir()
    for places in (["notes"], ["notes", "notes"], ["gone"]):
        done = callsheet("status", *places)
        assert done.returncode == 2 and "Traceback" not in done.stderr and done.stderr.strip()


def test_among_several_what_cannot_be_shown_is_named_and_the_others_are_shown(callsheet, tmp_path):
    made(tmp_path / "runs" / "a")
    made(tmp_path / "runs" / "damaged")
    (tmp_path / "runs" / "damaged" / "run.json").write_text("{")
    (tmp_path / "notes").mkdir()
    for other, said in {
        "runs/b": "There is no folder runs/b.",
        "notes": f"{tmp_path}/notes holds no Callsheet run.",
        "runs": "Those in it: callsheet status runs/*",
        "runs/a/run.json": "runs/a/run.json is no folder of a Callsheet run.",
        "runs/damaged": "damaged/run.json: it is no JSON",
    }.items():
        done = callsheet("status", "runs/a", other)
        assert done.returncode == 2 and said in done.stderr and len(done.stderr.splitlines()) == 1
        assert [line.split()[0] for line in done.stdout.splitlines()] == ["state", "dead"]
    done = callsheet("status", "--json", *(f"gone{number}" for number in range(30)), "runs/a")
    assert done.returncode == 2 and json.loads(done.stdout)["run_dir"] == f"{tmp_path}/runs/a"
    assert len(done.stderr.splitlines()) == 11 and "20 more paths could not be shown." in done.stderr


def test_who_names_no_run_is_offered_the_one_that_may_be_meant(callsheet, tmp_path):
    made(tmp_path / "outputs" / "demo" / "first")
    (tmp_path / "rates").mkdir()
    (tmp_path / "rates" / "experiment.json").write_text("{}")
    for typed, offer in {
        "outputs/demo/frist": "There is no folder outputs/demo/frist. Did you mean 'outputs/demo/first'?",
        "rates": "It is an experiment: callsheet experiment status rates",
        "gone/first": "There is no folder gone/first.",
        "outputs/demo": "Those in it: callsheet status outputs/demo/*",
        "outputs": "Those in it: callsheet status outputs/*/*",
    }.items():
        done = callsheet("status", typed)
        assert done.returncode == 2 and done.stderr.strip().endswith(offer)
    assert "Did you mean 'outputs/demo/first'?" in callsheet("outbox", "outputs/demo/frist").stderr


def test_the_outbox_of_a_dead_run_says_who_carries_it_out(callsheet, tmp_path):
    made(tmp_path / "run")
    (tmp_path / "run" / "outbox" / "pending").mkdir(parents=True)
    (tmp_path / "run" / "outbox" / "pending" / "a.json").write_text(
        '{"id": "a", "kind": "k", "key": "a", "payload": {}, "put_at": 1}'
    )
    assert "Nobody carries them out: callsheet outbox drain run\n" in callsheet("outbox", "run").stdout


@pytest.mark.parametrize(("make", "kind"), [("mkdir", "a folder"), ("mkfifo", "a FIFO")])
def test_what_stands_in_the_place_of_run_json_is_named(callsheet, tmp_path, make, kind):
    (tmp_path / "run").mkdir()
    getattr(os, make)(tmp_path / "run" / "run.json")
    for command in (["status"], ["outbox"], ["outbox", "drain"], ["bench"]):
        done = callsheet(*command, "run")
        assert done.returncode == 2 and f"run/run.json is {kind}, and no record of a run. Remove it" in done.stderr


def test_a_planted_link_is_refused_in_one_sentence(callsheet, tmp_path):
    made(tmp_path / "run")
    (tmp_path / "run" / "outbox").symlink_to("/tmp")
    for command in (["status"], ["outbox"]):
        assert callsheet(*command, "run").stderr.endswith("which leaves the run directory; remove it.\n")


LONG = "x" * 100_000
WORDS = "word " * 20_000


@pytest.mark.parametrize("text", [LONG, WORDS, "line\\n" * 2_000], ids=["a word", "words", "lines"])
@pytest.mark.parametrize(
    "fields",
    [
        {"overrides": ["experiment={}"]},
        {"overrides": None, "command": ["train.py", "{}"]},
        {"cwd": "/gone/{}", "host": "{}"},
        {"status": "failed", "outcome": {"error": "{}"}},
        {"status": "stopped", "outcome": {"stopped_by": "{}"}},
        {"status": "{}"},
    ],
    ids=lambda fields: "-".join(fields),
)
def test_a_text_of_any_length_in_run_json_leaves_the_screen_readable(callsheet, tmp_path, fields, text):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text(json.dumps({**RUN, **fields}).replace("{}", text))
    for command in (["status", "run"], ["status", "--json", "run"], ["status", "run", "run"]):
        said = callsheet(*command).stdout
        assert said.count("\n") < 30 and len(said) < 12_000, command


def test_a_command_too_long_to_be_copied_is_said_to_stand_in_run_json(callsheet, tmp_path):
    made(tmp_path / "run", overrides=[f"dataset.path={LONG}"])
    said = callsheet("status", "run").stdout
    assert "Its overrides, 100,013 characters, stand in run/run.json." in said


STOPPER = """
from transformers import TrainerCallback

class Stopper(TrainerCallback):
    def __init__(self, after=0):
        self.after = after

    def on_step_begin(self, args, state, control, **kwargs):
        if state.global_step == self.after:
            raise RuntimeError("enough")
"""
NONE = "~plugins=[hub_revisions,bema,exact_match,benchmarks]"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "of_each_run"),
    [
        (
            ["~plugins=hub_revisions", "~plugins=[bema,exact_match]", "~plugins.benchmarks", "+plugins=csv_metrics"],
            [["~plugins=[hub_revisions,bema,exact_match,benchmarks]", "+plugins=csv_metrics"]],
        ),
        (
            [NONE, "++dataset.seed=3", "++trainer.args.max_steps=4", "plugins.early_stopping.patience=4"],
            [
                [
                    NONE,
                    "++dataset.seed=3",
                    "trainer.args.max_steps=4",
                    "plugins.early_stopping.patience=4",
                ]
            ],
        ),
    ],
)
def test_a_run_is_offered_again_in_the_words_in_which_it_was_typed(callsheet, tmp_path, typed, of_each_run):
    (tmp_path / "stopper.py").write_text(STOPPER)
    recipe = ["recipe=demo", "+callbacks.x.path=stopper.Stopper"]
    callsheet("train", *recipe, *typed, "output_dir=its place/0", env={"PYTHONPATH": str(tmp_path)})
    for number, expected in enumerate(of_each_run):
        shown = callsheet("status", f"its place/{number}").stdout
        offered = next(line.partition(" callsheet train ")[2] for line in shown.splitlines() if "go on" in line)
        words = shlex.split(offered)
        assert sorted(words) == sorted([*recipe, *expected, f"output_dir=its place/{number}"])
        assert callsheet("explain", *words, env={"PYTHONPATH": str(tmp_path)}).returncode == 0


@pytest.mark.slow
def test_of_a_run_of_a_sweep_the_sweep_is_gone_on_with(callsheet, tmp_path):
    (tmp_path / "stopper.py").write_text(STOPPER)
    words = ["recipe=demo", NONE, "+callbacks.x.path=stopper.Stopper", "plugins.early_stopping.patience=2,3"]
    done = callsheet("train", "-m", *words, "output_dir=its place", env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1, done.stderr
    for number in (2, 3):
        shown = callsheet("status", f"its place/patience={number}").stdout
        assert "callsheet experiment resume 'its place'" in shown


@pytest.mark.slow
def test_a_run_whose_checkpoints_hold_only_the_model_is_offered_nothing_that_would_be_refused(callsheet, tmp_path):
    (tmp_path / "stopper.py").write_text(STOPPER)
    with_stopper = {"env": {"PYTHONPATH": str(tmp_path)}}
    run = ["recipe=demo", "plugins=[]", "trainer.args.max_steps=2", "trainer.args.save_steps=1", "output_dir=run"]
    run += ["trainer.args.save_only_model=true", "trainer.args.eval_strategy=no"]
    stopped = ["+callbacks.x.path=stopper.Stopper", "callbacks.x.after=1"]

    failed = callsheet("train", *run, *stopped, **with_stopper)

    found = json.loads(callsheet("status", "--json", "run").stdout)
    assert (found["state"], found["commands"], found["checkpoint"]) == ("failed", [], None)
    assert found["hint"].startswith(
        "It cannot be resumed: checkpoint-1 holds only the model (trainer.args.save_only_model"
    )
    assert found["hint"].endswith(f"or start from its weights with model.path={tmp_path}/run/checkpoint-1.")
    assert f"callsheet: The run lies in run. {found['hint']}" in failed.stderr
    refused = callsheet("check", *run, *stopped, **with_stopper)
    assert refused.returncode == 2 and found["hint"].partition(": ")[2] in refused.stderr

    other = [*run[:-3], "output_dir=other", f"model.path={tmp_path}/run/checkpoint-1"]
    assert callsheet("train", *other).returncode == 0


@pytest.fixture
def rich(tmp_path):
    """A run of which everything is known that can be."""
    run = make_run(tmp_path / "outputs" / "rich", arm="bema", seed=3)
    (run / "trackers").mkdir()
    for name in ("wandb", "mlflow", "trackio", "comet", "weave"):
        cursor = {
            "tracker": name,
            "run_id": "a",
            "ids": {"url": f"https://{name}.example/{'x' * 60}", "page": "https://p"},
        }
        write_json(run / "trackers" / f"{name}.json", cursor)
    return run


def test_one_run_is_told_on_one_screen(callsheet, rich):
    record = json.loads((rich / "run.json").read_text())
    write_json(rich / "run.json", {**record, "status": "failed", "outcome": {"error": "no " * 500, "seconds": 10}})
    for number in range(9):
        rows = [{"name": f"long-benchmark-{number}", "metrics": {"exact_match": 0.5}, "step": 100, "weights": "raw"}]
        with (rich / "evals.jsonl").open("a") as file:
            file.write("".join(f"{json.dumps(row)}\n" for row in rows))
    lines = callsheet("status", "outputs/rich", env={"COLUMNS": "80"}).stdout.splitlines()
    facts = {line[:12].strip(): line[12:] for line in lines if line[:12].strip()}
    assert len(lines) <= 24
    assert all(len(line) <= 80 for line in lines if "://" not in line and "go on" not in line and "note" not in line)
    assert facts["arm"] == "bema, seed 3, of the experiment exp" and facts["metric"].startswith("eval_loss 0.")
    assert "7 more, of step 100" in " ".join(line.strip() for line in lines)
    assert facts["completions"] == "20 rows of 4 steps" and facts["published"].startswith(
        "2 revisions, the last me/demo@main-step-"
    )
    assert facts["plugins"].startswith("0.8 s (7.5 % of the run): bema 0.5 s") and "began" in facts["size"]


def test_programs_get_what_they_got_and_more(callsheet, rich):
    told = json.loads(callsheet("status", "--json", "outputs/rich").stdout)
    before = "run_dir state why step steps checkpoint outbox courier tracked commands hint written"
    assert [*told][: len(before.split())] == before.split()
    assert told["best"]["value"] <= told["last"]["value"] and told["metric"] == "eval_loss"
    assert told["scores"]["test.exact_match"]["step"] == 100 and told["cost"] == {"bema": 0.5, "progress": 0.25}
    assert told["published"]["count"] == 2 and told["completions"] == {"steps": 4, "rows": 20, "is_whole": True}
    assert told["size"] > 1000 and told["started"] and told["arm"]["seed"] == 3


def test_each_tracker_is_told_by_its_page_its_folder_or_its_command(callsheet, tmp_path):
    trackers = make_run(tmp_path / "run", scores=False) / "trackers"
    trackers.mkdir(exist_ok=True)
    ids = {"page": {"url": "http://w/1"}, "files": {"logdir": "trackers/files"}, "command": {"where": "comet upload x"}}
    for name, those in ids.items():
        (trackers / f"{name}.json").write_text(json.dumps({"tracker": name, "run_id": "r", "ids": those}))
    told = json.loads(callsheet("status", "--json", "run").stdout)["tracked"]
    assert told == {"command": "comet upload x", "files": "run/trackers/files", "page": "http://w/1"}


def test_a_run_with_ten_thousand_checkpoints_is_told_by_those_that_are_there(callsheet, tmp_path):
    run = make_run(tmp_path / "run", checkpoint_every=0, scores=False)
    files = {"f": {"size": 1, "sha256": None}}
    rows = [
        {"name": f"checkpoint-{n}", "step": n, "epoch": 1.0, "path": f"checkpoint-{n}", "files": files}
        for n in range(10_000)
    ]
    (run / "checkpoints.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    for step in (9998, 9999):
        (run / f"checkpoint-{step}").mkdir()
    assert "none is complete" in callsheet("status", "run").stdout


def test_files_that_are_none_cost_only_what_they_would_say(callsheet, rich):
    for name in ("metrics.jsonl", "evals.jsonl", "checkpoints.jsonl"):
        (rich / name).unlink()
    os.mkfifo(rich / "metrics.jsonl")
    (rich / "evals.jsonl").symlink_to("/etc/passwd")
    (rich / "completions" / "25.jsonl").unlink()
    (rich / "completions" / "25.jsonl").symlink_to("/etc/passwd")
    done = callsheet("status", "outputs/rich")
    assert done.returncode == 0 and "15 rows of 4 steps" in done.stdout and "root:" not in done.stdout
    assert "metric " not in done.stdout and "scores " not in done.stdout and "published" not in done.stdout


def test_many_runs_fit_the_screen(callsheet, tmp_path):
    for number in range(3):
        run = make_run(tmp_path / f"a long name of {'a run ' * 20}{number}", steps=2, scores=False, completions=False)
        write_json(
            run / "run.json",
            {**json.loads((run / "run.json").read_text()), "status": "failed", "outcome": {"error": "x " * 200}},
        )
    done = callsheet("status", *(path.name for path in tmp_path.iterdir()), env={"COLUMNS": "80"})
    assert max(map(len, done.stdout.splitlines())) <= 80 and done.stdout.count("failed") == 3
