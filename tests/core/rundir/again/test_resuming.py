"""Where a run begins: in its own directory, from another run's checkpoint, or nowhere, and what is said of it."""

import json

import pytest
import torch
from safetensors.torch import load_file

from callsheet import CallsheetError, Plugin, hookimpl
from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.preflight import run_folder
from callsheet.rundir.again import resuming
from callsheet.rundir.rundir import RunDir

QUIET = "plugins=[]"


class Rates(Plugin):
    """Writes down with which settings each step was taken."""

    def __post_init__(self):
        super().__post_init__()
        self.seen = []

    @hookimpl
    def on_step_end(self, state, step_idx, metrics):
        group = state.optimizer.param_groups[0]
        self.seen.append((step_idx, metrics["learning_rate"], group["weight_decay"]))


def weights(folder):
    return load_file(folder / "model.safetensors")


def test_a_checkpoint_of_another_run_is_refused_with_the_way_to_branch(run_demo, tmp_path):
    first = run_demo(QUIET, output_dir="first").run_dir.path
    settings = (QUIET, f"resume={first}/checkpoint-2", "trainer.args.learning_rate=0.5", "trainer.args.weight_decay=0")
    with pytest.raises(CallsheetError) as refusal:
        run_demo(*settings, output_dir="second")
    said = str(refusal.value)
    assert f"resume={first}/checkpoint-2 belongs to another run: trainer.args.learning_rate is" in said
    assert "and 0.5 here" in said and "trainer.args.weight_decay is 0.01 there and 0 here" in said
    assert "Add branch=true to start a new run from it with these settings." in said
    assert not (tmp_path / "second").exists()


def test_a_branch_trains_on_with_its_own_settings_and_leaves_the_old_run_alone(run_demo, tmp_path, caplog):
    first = run_demo(QUIET, output_dir="first").run_dir.path
    before = sorted((path, path.stat().st_mtime_ns) for path in first.rglob("*"))
    rates = Rates()
    settings = (QUIET, f"resume={first}/checkpoint-2", "branch=true", "trainer.args.warmup_steps=0")
    changed = ("trainer.args.learning_rate=0.5", "trainer.args.weight_decay=0")
    second = run_demo(*settings, *changed, plugins=[rates], output_dir="second")
    assert rates.seen == [(3, 0.5, 0.0), (4, 0.5, 0.0)]
    assert f"This run branches from {first}/checkpoint-2: trainer.args.learning_rate is" in caplog.text
    branch = second.run_dir.run()["branch"]
    assert branch["checkpoint"] == f"{first}/checkpoint-2" and branch["step"] == 2
    assert branch["changed"]["trainer.args.learning_rate"]["now"] == 0.5
    assert sorted((path, path.stat().st_mtime_ns) for path in first.rglob("*")) == before
    assert not all(torch.equal(one, weights(first)[name]) for name, one in weights(second.run_dir.path).items())


def test_a_branch_without_changes_trains_as_the_old_run_does(run_demo):
    first = run_demo(QUIET, output_dir="first").run_dir.path
    second = run_demo(QUIET, f"resume={first}/checkpoint-2", "branch=true", output_dir="second")
    assert all(torch.equal(one, weights(first)[name]) for name, one in weights(second.run_dir.path).items())


def test_the_command_of_a_branch_resumes_the_branch(run_demo, caplog):
    first = run_demo(QUIET, output_dir="first").run_dir.path
    branch = (QUIET, f"resume={first}/checkpoint-2", "branch=true", "trainer.args.learning_rate=0.5")

    class Killed(Plugin):
        @hookimpl
        def on_step_end(self, state, step_idx):
            if step_idx == 4:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_demo(*branch, "trainer.args.save_steps=1", plugins=[Killed()], output_dir="second")
    second, rates = first.parent / "second", Rates()
    run_demo(*branch, "trainer.args.save_steps=1", plugins=[rates], output_dir="second")
    assert [step for step, *_ in rates.seen] == [4] and rates.seen[0][2] == 0.01
    again = json.loads((second / "run.json").read_text())
    assert again["branch"]["step"] == 2 and len(again["attempts"]) == 2


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["branch=true"], "name it: resume=RUN/checkpoint-N"),
        (["branch=true", "resume=never"], "name it: resume=RUN/checkpoint-N"),
        (["branch=true", "output_dir={first}", "trainer.args.seed=7"], "is that of the old one. Choose another."),
        (["branch=true", "trainer.args.optim=sgd"], "the checkpoint holds the state of one optimizer. To start from"),
        (["branch=true", "peft=lora"], "the checkpoint holds the weights of one adapter. To start from the weights"),
    ],
)
def test_what_cannot_branch_is_refused(run_demo, tmp_path, overrides, said):
    first = run_demo(QUIET, output_dir="first").run_dir.path
    chosen = [item.format(first=first) for item in overrides]
    named = [] if said.startswith("name") else [f"resume={first}/checkpoint-2"]
    with pytest.raises(CallsheetError) as refusal:
        run_demo(QUIET, *named, f"output_dir={tmp_path}/second", *chosen, output_dir="second")
    assert said in str(refusal.value)


def test_a_branch_does_not_go_on_in_a_run_that_began_elsewhere(run_demo):
    first = run_demo(QUIET, output_dir="first").run_dir.path
    run_demo(QUIET, output_dir="second")
    with pytest.raises(CallsheetError, match=r"holds a run that did not begin at .*first/checkpoint-2"):
        run_demo(QUIET, f"resume={first}/checkpoint-2", "branch=true", output_dir="second")


def test_another_run_in_the_directory_offers_to_branch(run_demo):
    first = run_demo(QUIET).run_dir.path
    with pytest.raises(CallsheetError) as refusal:
        run_demo(QUIET, "trainer.args.learning_rate=0.5")
    assert f"or start a new run from this one: resume={first}/checkpoint-4 branch=true." in str(refusal.value)


def test_a_schedule_that_another_number_of_steps_changes_is_said(run_demo, caplog):
    run_demo(QUIET, "trainer.args.lr_scheduler_type=linear")
    run_demo(QUIET, "trainer.args.lr_scheduler_type=linear", "trainer.args.max_steps=6")
    assert "trainer.args.max_steps is 4 there and 6 here: a learning rate that falls to the end" in caplog.text


def test_what_may_change_is_heeded(run_demo):
    kept = "trainer.args.save_total_limit=null"
    run_demo(QUIET, kept)
    steps = (f"trainer.args.{name}" for name in ("max_steps=7", "save_steps=5", "logging_steps=3", "eval_steps=5"))
    run_dir = run_demo(QUIET, kept, *steps).run_dir
    found = {split: [row["step"] for row in run_dir.rows("metrics.jsonl") if row["split"] == split] for split in SPLITS}
    assert found == {"train": [1, 2, 3, 4, 4, 6, 7], "eval": [2, 4, 5, 7]}
    names = ["checkpoint-2", "checkpoint-4", "checkpoint-5", "checkpoint-7"]
    assert sorted(path.name for path in run_dir.path.glob("checkpoint-*")) == names


SPLITS = ("train", "eval")
MODEL_ONLY = (QUIET, "trainer.args.save_only_model=true")


def test_a_run_that_cannot_be_resumed_says_so_at_its_start(run_demo, caplog):
    run_demo(*MODEL_ONLY)
    assert "trainer.args.save_only_model=true: checkpoints hold no optimizer, so this run cannot be" in caplog.text


@pytest.mark.parametrize(
    ("first", "again", "said"),
    [
        (MODEL_ONLY, (*MODEL_ONLY, "trainer.args.max_steps=6"), "holds a run that is completed, and cannot be resumed"),
        (MODEL_ONLY, (QUIET,), "checkpoint-4 holds only the model (trainer.args.save_only_model=true)"),
        ((QUIET, "trainer.args.save_strategy=no"), (QUIET,), "it kept no complete checkpoint"),
    ],
)
def test_nothing_trains_over_a_finished_model(run_demo, tmp_path, first, again, said):
    run_demo(*first)
    before = sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "run").rglob("*"))
    with pytest.raises(CallsheetError) as refusal:
        run_demo(*again)
    assert said in str(refusal.value) and "Choose another output_dir" in str(refusal.value)
    assert sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "run").rglob("*")) == before


def test_checkpoints_that_hold_only_the_model_are_neither_trained_over_nor_called_torn(run_demo, tmp_path):
    class Fails(Plugin):
        @hookimpl
        def on_step_end(self, state, step_idx):
            if step_idx == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_demo(*MODEL_ONLY, plugins=[Fails()])
    with pytest.raises(CallsheetError) as refusal:
        run_demo(*MODEL_ONLY)
    said = f"or start from its weights with model.path={tmp_path}/run/checkpoint-2."
    assert "holds a run with checkpoints, and cannot be resumed" in str(refusal.value) and said in str(refusal.value)
    assert not (tmp_path / "run" / "torn").exists()


def test_the_same_command_finds_a_finished_run_complete(run_demo, tmp_path):
    session = run_demo(*MODEL_ONLY)
    plan = make_plan(compose(["recipe=demo", *MODEL_ONLY]), ())
    wish = plan.wish
    done = resuming.Wish(session.run_dir.path, "auto", False, session.run_dir.config(), wish.defaults)
    assert resuming.is_complete(done)
    problems, _ = run_folder.check(make_plan(compose(["recipe=demo", f"output_dir={tmp_path}/new"]), ()))
    assert problems == []


def test_a_run_that_failed_before_its_first_step_may_be_mended(run_demo):
    with pytest.raises(CallsheetError, match="none of its .* rows is left"):
        run_demo(QUIET, "trainer.args.max_length=2", output_dir="run")
    session = run_demo(QUIET, "trainer.args.max_length=64", output_dir="run")
    assert session.run_dir.run()["status"] == "completed"
    assert session.run_dir.config()["trainer"]["args"]["max_length"] == 64


def test_a_run_that_failed_later_is_not_trained_over_by_another(run_demo):
    class Failing(Plugin):
        on_error: str | None = "raise"

        @hookimpl
        def on_step_end(self, state):
            raise RuntimeError("no")

    with pytest.raises(Exception, match="no"):
        run_demo(QUIET, plugins=[Failing()], output_dir="run")
    with pytest.raises(CallsheetError, match="holds another run"):
        run_demo(QUIET, "trainer.args.learning_rate=0.5", output_dir="run")


@pytest.mark.parametrize(("folder", "branch"), [("first", False), ("second", False), ("second", True)])
def test_the_earlier_run_is_compared_once(run_demo, monkeypatch, folder, branch):
    first = run_demo(QUIET, output_dir="first").run_dir
    resume = "auto" if folder == "first" else f"{first.path}/checkpoint-2"
    wish = resuming.Wish(first.path.parent / folder, resume, branch, first.config())
    read, config = [], RunDir.config
    monkeypatch.setattr(RunDir, "config", lambda own: read.append(own.path.name) or config(own))

    problems, _, row = resuming.decide(wish)

    assert read == ["first"] and not problems and row.path.parent == first.path
