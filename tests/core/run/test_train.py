"""One run inside this process: hooks in order, what is written, requests, failures and resuming."""

import json
import os
import signal

import pytest
from rich.console import Console
from safetensors.torch import load_file

from callsheet import CallsheetError, Plugin, hookimpl
from callsheet.cli.views.summary import show
from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.errors import PluginFailure
from callsheet.hooks import hook_names
from callsheet.process.signals import Interrupted
from callsheet.rundir.locks import is_held
from callsheet.rundir.rundir import LOCK, RunDir

QUIET = "plugins=[]"
LONG = "a page of [b]this[/b] run " * 4


class Diary(Plugin):
    """Writes down every hook, and remembers how many steps it saw, over resumes."""

    steps: int = 0

    def __post_init__(self):
        super().__post_init__()
        self.said = []

    def state_dict(self):
        return {"steps": self.steps}

    def load_state_dict(self, state_dict):
        self.steps = state_dict["steps"]
        self.said.append(("load_state_dict", self.steps))

    @hookimpl
    def preflight(self, ctx, report):
        self.said.append("preflight")

    @hookimpl
    def on_experiment_start(self, ctx):
        self.said.append("on_experiment_start")
        ctx.ids["experiment_id"] = "e1"

    @hookimpl
    def on_run_start(self, ctx):
        assert ctx.run_config["trainer"]["args"]["max_steps"] == 4
        self.said.append("on_run_start")

    @hookimpl
    def add_callbacks(self, state, add):
        assert state.trainer is None
        self.said.append("add_callbacks")

    @hookimpl
    def on_train_start(self, state):
        assert state.trainer.model is state.model and state.optimizer is not None and state.tokenizer is not None
        self.said.append(("on_train_start", state.resumed_from and state.resumed_from.name))

    @hookimpl
    def on_step_end(self, state, step_idx, batch, metrics):
        self.steps += 1
        assert step_idx == state.step and set(metrics) == {"loss", "grad_norm", "learning_rate", "epoch"}
        assert [set(one) for one in batch] == [{"input_ids", "labels", "attention_mask"}]
        self.said.append(("on_step_end", step_idx))
        self.last_loss = metrics["loss"]

    @hookimpl
    def on_checkpoint(self, state, row):
        assert (row.path / "model.safetensors").exists() and (row.path / "optimizer.pt").exists()
        (row.folder(self) / "note.txt").write_text("kept")
        self.said.append(("on_checkpoint", row.name))

    @hookimpl
    def on_eval(self, state, step_idx, eval_name, metrics):
        assert "eval_loss" in metrics
        self.said.append(("on_eval", eval_name, step_idx))

    @hookimpl
    def on_train_end(self, state, artifacts):
        self.said.append("on_train_end")

    @hookimpl
    def on_run_end(self, ctx, run_result, arm):
        self.said.append(("on_run_end", run_result.status, run_result.step))

    @hookimpl
    def on_experiment_end(self, ctx, result):
        self.said.append("on_experiment_end")

    @hookimpl
    def on_run_closed(self, ctx, run_result):
        run = RunDir(ctx.run_dir, is_main=False).run()
        assert run["cost"] and not is_held(ctx.run_dir / LOCK), "the record is complete, and free"
        self.said.append(("on_run_closed", run_result.status, run["status"]))
        ctx.remarks["diary"] = f"wrote {ctx.run_dir / LONG}"


def test_hooks_run_in_the_order_of_the_contract(run_demo):
    diary = Diary()
    session = run_demo(QUIET, plugins=[diary])
    assert diary.said == [
        "preflight",
        "on_experiment_start",
        "on_run_start",
        "add_callbacks",
        ("on_train_start", None),
        ("on_step_end", 1),
        ("on_step_end", 2),
        ("on_eval", "eval", 2),
        ("on_checkpoint", "checkpoint-2"),
        ("on_step_end", 3),
        ("on_step_end", 4),
        ("on_eval", "eval", 4),
        ("on_checkpoint", "checkpoint-4"),
        "on_train_end",
        ("on_run_end", "completed", 4),
        "on_experiment_end",
        ("on_run_closed", "completed", "completed"),
    ]
    order = [entry if isinstance(entry, str) else entry[0] for entry in diary.said]
    firsts = sorted(set(order), key=order.index)
    assert [hook for hook in hook_names() if hook in firsts and hook != "on_eval"] == [
        h for h in firsts if h != "on_eval"
    ]
    console = Console(width=40)
    with console.capture() as capture:
        show(session, console)
    last = capture.get().splitlines()[-1].rstrip()
    assert last == f"diary wrote {session.run_dir.path / LONG}".rstrip(), "in one piece, so that it can be clicked"


def test_step_metrics_are_the_trainers_own(run_demo):
    diary = Diary()
    session = run_demo(QUIET, "trainer.args.logging_steps=1", plugins=[diary])
    logged = {row["step"]: row for row in session.run_dir.rows("metrics.jsonl") if "loss" in row}
    assert logged[4]["loss"] == pytest.approx(diary.last_loss, rel=1e-5)


def test_the_run_directory_says_what_ran(run_demo):
    session = run_demo("plugins=[bema]", "plugins.bema.update_freq=2", plugins=[Diary()])
    run = session.run_dir.run()
    assert run["status"] == "completed" and run["outcome"]["step"] == 4
    assert run["versions"]["torch"].startswith("2.13") and "trl" in run["versions"]
    bema, diary = run["plugins"]
    assert (bema["distribution"], bema["order"], bema["settings"]["update_freq"]) == ("callsheet", 1, 2)
    assert diary["class"].endswith(":Diary") and diary["distribution"] is None
    assert run["cost"]["bema"]["on_step_end"]["calls"] == 4
    assert run["ids"] == {"experiment_id": "e1"}
    names = {path.name for path in session.run_dir.path.iterdir()}
    assert {"config.yaml", "metrics.jsonl", "checkpoints.jsonl", "events.jsonl", "model.safetensors"} <= names
    rows = list(session.run_dir.rows("checkpoints.jsonl"))
    assert rows[-1]["files"]["model.safetensors"]["sha256"] and "callsheet/diary/note.txt" in rows[-1]["files"]
    splits = {(row["step"], row["split"]) for row in session.run_dir.rows("metrics.jsonl")}
    assert {(1, "train"), (2, "eval"), (4, "train"), (4, "eval")} <= splits


def weights(session, folder="."):
    return load_file(session.run_dir.path / folder / "model.safetensors")


def equal(one, other):
    assert one.keys() == other.keys()
    return all(bool((one[name] == other[name]).all()) for name in one)


def test_a_resumed_run_equals_an_uninterrupted_one(run_demo):
    whole, first, second = Diary(), Diary(), Diary()
    uninterrupted = run_demo(QUIET, plugins=[whole], output_dir="whole")

    class Stops(Plugin):
        @hookimpl
        def on_step_end(self, state, step_idx):
            if step_idx == 3:
                state.request_stop("enough")

    stopped = run_demo(QUIET, plugins=[first, Stops()], output_dir="parts")
    assert stopped.result.status == "stopped" and (stopped.run_dir.path / "checkpoint-3").is_dir()
    resumed = run_demo(QUIET, plugins=[second], output_dir="parts")
    assert ("load_state_dict", 3) in second.said and ("on_train_start", "checkpoint-3") in second.said
    assert [entry for entry in second.said if entry[0] == "on_step_end"] == [("on_step_end", 4)]
    assert second.steps == whole.steps == 4
    assert equal(weights(uninterrupted), weights(resumed))


def test_a_run_resumed_at_its_last_step_takes_no_further_one(run_demo):
    first = run_demo(QUIET, output_dir="run")
    diary = Diary()
    again = run_demo(QUIET, plugins=[diary], output_dir="run")
    assert not [entry for entry in diary.said if entry[0] == "on_step_end"]
    assert again.result.step == 4 and "on_train_end" in diary.said
    assert equal(weights(first), weights(again, "checkpoint-4"))


def test_a_torn_checkpoint_is_put_aside(run_demo):
    session = run_demo(QUIET, output_dir="run")
    (session.run_dir.path / "checkpoint-4" / "optimizer.pt").unlink()
    diary = Diary()
    again = run_demo(QUIET, plugins=[diary], output_dir="run")
    assert ("on_train_start", "checkpoint-2") in diary.said
    assert (again.run_dir.path / "torn" / "checkpoint-4").is_dir()
    assert (again.run_dir.path / "checkpoint-4" / "optimizer.pt").is_file()


def asks(kind, at):
    class Asks(Plugin):
        @hookimpl
        def on_step_end(self, state, step_idx):
            if step_idx == at:
                getattr(state, f"request_{kind}")("because")

    return Asks()


def test_a_requested_save_and_evaluation_happen_after_that_step(run_demo):
    diary = Diary()
    session = run_demo(QUIET, plugins=[diary, asks("save", 1)], output_dir="save")
    assert ("on_checkpoint", "checkpoint-1") in diary.said
    diary = Diary()
    run_demo(QUIET, plugins=[diary, asks("eval", 3)], output_dir="eval")
    assert ("on_eval", "eval", 3) in diary.said
    requests = [row for row in session.run_dir.rows("events.jsonl") if row["event"] == "requested"]
    assert [(row["plugin"], row["request"], row["reason"]) for row in requests] == [("asks", "save", "because")]


def test_an_evaluation_without_data_is_declined(run_demo, caplog):
    run_demo(QUIET, "dataset.eval_path=null", "trainer.args.eval_strategy=no", plugins=[asks("eval", 3)])
    assert "no evaluation data" in caplog.text


class Fails(Plugin):
    """Fails at step 2, in the way it is told."""

    kind: str = "error"

    def __post_init__(self):
        super().__post_init__()
        self.ends = []

    @hookimpl
    def on_step_end(self, state, step_idx):
        if step_idx == 2 and self.kind == "error":
            raise RuntimeError("token hf_" + "a" * 34)
        if step_idx == 2 and self.kind == "signal":
            signal.raise_signal(signal.SIGTERM)
        if step_idx == 2 and self.kind == "signals":
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    @hookimpl
    def on_run_end(self, ctx, run_result):
        self.ends.append(run_result.status)

    @hookimpl
    def on_run_closed(self, ctx, run_result):
        self.ends.append(f"closed, {run_result.status}")


def test_a_failure_still_ends_the_run_once_and_leaks_no_secret(run_demo, tmp_path):
    fails = Fails(on_error="raise")
    with pytest.raises(PluginFailure):
        run_demo(QUIET, plugins=[fails])
    assert fails.ends == ["failed", "closed, failed"]
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert run["status"] == "failed" and "RuntimeError" in run["outcome"]["error"]
    assert not any(b"hf_aaaa" in path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file())


def test_a_signal_finishes_the_step_saves_and_ends_the_run_once(run_demo, tmp_path):
    fails = Fails(kind="signal")
    with pytest.raises(Interrupted) as interrupted:
        run_demo(QUIET, "trainer.args.save_steps=100", plugins=[fails])
    assert interrupted.value.exit_code == 143 and fails.ends == ["interrupted", "closed, interrupted"]
    assert (tmp_path / "run" / "checkpoint-2" / "trainer_state.json").is_file()
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "interrupted"


def test_a_second_signal_stops_at_once(run_demo, tmp_path):
    fails = Fails(kind="signals")
    with pytest.raises(Interrupted) as interrupted:
        run_demo(QUIET, "trainer.args.save_steps=100", plugins=[fails])
    assert interrupted.value.exit_code == 130 and fails.ends == ["interrupted", "closed, interrupted"]
    assert not (tmp_path / "run" / "checkpoint-2").exists()


def test_native_callbacks_are_added_by_path(run_demo):
    session = run_demo(
        QUIET,
        "callbacks.early.path=transformers.EarlyStoppingCallback",
        "callbacks.early.early_stopping_patience=1",
        "trainer.args.metric_for_best_model=eval_loss",
        "trainer.args.load_best_model_at_end=true",
    )
    assert session.lineup.cost()["callbacks.early"]["on_evaluate"]["calls"] == 2


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["callbacks.x.path=transformers.EarlyStoppingCalback"], "Did you mean 'EarlyStoppingCallback'?"),
        (["callbacks.x.path=transformers.EarlyStoppingCallback", "callbacks.x.patience=1"], "takes no argument 'patience'"),
        (["callbacks.x.path=nowhere.Class"], "there is no package 'nowhere'"),
        (["callbacks.x.path=json.JSONDecoder"], "is not a transformers.TrainerCallback"),
        (["callbacks.x.speed=3"], "callbacks.x.path must name a class"),
    ],
)  # fmt: skip
def test_a_wrong_callback_is_explained(run_demo, overrides, message):
    with pytest.raises(CallsheetError) as refusal:
        run_demo(QUIET, *overrides)
    assert message in str(refusal.value)


def test_bfloat16_and_attention_reach_the_model(run_demo):
    seen = {}

    class Looks(Plugin):
        @hookimpl
        def on_train_start(self, state):
            seen.update(dtype=str(state.model.dtype), attention=state.model.config._attn_implementation)

    run_demo(QUIET, "model.dtype=bfloat16", "model.attn_implementation=eager", plugins=[Looks()])
    assert seen == {"dtype": "torch.bfloat16", "attention": "eager"}


def test_another_run_in_the_directory_is_left_alone(run_demo, tmp_path):
    run_demo(QUIET)
    before = sorted(path.name for path in (tmp_path / "run").rglob("*"))
    with pytest.raises(CallsheetError, match=r"holds another run: model.dtype is 'auto' there and 'bfloat16' here"):
        run_demo(QUIET, "model.dtype=bfloat16")
    with pytest.raises(CallsheetError, match=r"holds a run already, and resume=never"):
        run_demo(QUIET, "resume=never")
    assert sorted(path.name for path in (tmp_path / "run").rglob("*")) == before


@pytest.mark.parametrize("name", ["bema", "csv_metrics", "early_stopping", "exact_match", "progress"])
def test_every_builtin_survives_a_run_in_which_nothing_happens(run_demo, name):
    session = run_demo(f"plugins=[{name}]", "trainer.args.save_strategy=no", "trainer.args.eval_strategy=no")
    assert session.result.status == "completed"
    assert not [row for row in session.run_dir.rows("events.jsonl") if row["event"] == "plugin_failed"]


class Terminated(Plugin):
    """Is told to stop at its first step."""

    @hookimpl
    def on_step_end(self, state, step_idx, batch, metrics):
        if step_idx == 1:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(
    ("strategy", "promise"), [("no", "; with save_strategy=no, nothing"), ("steps", " and saving")]
)
def test_a_signal_is_promised_a_checkpoint_only_where_one_is_saved(run_demo, capfd, strategy, promise):
    with pytest.raises(Interrupted):
        run_demo(QUIET, f"trainer.args.save_strategy={strategy}", plugins=[Terminated()])
    assert f"SIGTERM: finishing this step{promise}" in capfd.readouterr().err


QUIET = "plugins=[]"


class Stops(Plugin):
    """Has seen enough."""

    @hookimpl
    def on_step_end(self, state, step_idx):
        state.request_stop("enough")


def test_a_run_that_a_plugin_stopped_is_not_trained_on(run_demo):
    from callsheet.run.resume import is_complete

    session = run_demo(QUIET, plugins=[Stops()])
    assert session.result.status == "stopped"
    overrides = ["recipe=demo", QUIET]
    plan = make_plan(compose(overrides), overrides)
    config = session.run_dir.run()["config"]
    assert is_complete(type(plan)(**{**vars(plan), "run_dir": session.run_dir.path, "composed": config}))
