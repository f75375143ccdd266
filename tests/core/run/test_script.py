"""Callsheet's plugins in somebody's own script."""

import json
import sys
import traceback

import pytest
import warm

import callsheet
import callsheet as cs
from callsheet import CallsheetError, Plugin, hookimpl

SCRIPT = '''
import os, signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in a background job
import callsheet, callsheet_conf
from callsheet import Plugin, hookimpl
from datasets import load_dataset
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, set_seed
from trl import SFTConfig, SFTTrainer

class Tell(Plugin):
    """Say what happens."""
    seen: int = 0
    def state_dict(self):
        return {"seen": self.seen}
    def load_state_dict(self, state_dict):
        self.seen = state_dict["seen"]
    @hookimpl
    def on_train_start(self, state):
        print("start", state.resumed_from and state.resumed_from.name, self.seen, flush=True)
    @hookimpl
    def on_step_end(self, state, step_idx, batch, metrics):
        self.seen += 1
        assert set(metrics) == {"loss", "grad_norm", "learning_rate", "epoch"} and len(batch) == 2
        if step_idx == 3 and len(sys.argv) > 2:
            exec(sys.argv[2])
    @hookimpl
    def on_run_end(self, ctx, run_result):
        print("end", run_result.status, run_result.step, flush=True)
    @hookimpl
    def on_run_closed(self, ctx, run_result):
        print("closed", run_result.status, run_result.step, flush=True)

demo = Path(callsheet_conf.__file__).parent / "demo"
set_seed(0)
model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(demo / "model"))
args = SFTConfig(sys.argv[1], max_steps=6, save_steps=2, use_cpu=True, bf16=False, report_to="none",
                 gradient_checkpointing=False, per_device_train_batch_size=2, gradient_accumulation_steps=2)
trainer = SFTTrainer(model, args, train_dataset=load_dataset("json", data_files=str(demo / "test.jsonl"), split="train"),
                     processing_class=AutoTokenizer.from_pretrained(demo / "model"),
                     callbacks=callsheet.callbacks("bema", Tell(on_error="raise"), "csv_metrics",
                                                   overrides=["plugins.bema.update_freq=2"]))
trainer.train(resume_from_checkpoint=os.environ.get("RESUME"))
'''  # fmt: skip


@pytest.fixture
def script(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)

    def run(*arguments, **environment):
        import os

        return warm.run(
            [sys.executable, "train.py", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1", **environment},
        )

    return run


def spoken(done):
    return [line for line in done.stdout.splitlines() if line.startswith(("start", "end", "closed"))]


@pytest.mark.slow
def test_a_script_gets_the_run_directory_the_state_and_the_resume(script, tmp_path):
    done = script("run")
    assert done.returncode == 0, done.stderr
    assert spoken(done) == ["start None 0", "end completed 6", "closed completed 6"]
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert run["status"] == "completed" and [plugin["name"] for plugin in run["plugins"]] == [
        "bema",
        "tell",
        "csv_metrics",
    ]
    assert (tmp_path / "run" / "bema" / "model.safetensors").is_file() and (tmp_path / "run" / "metrics.csv").is_file()
    first = (tmp_path / "run" / "bema" / "model.safetensors").read_bytes()
    again = script("run", RESUME="run/checkpoint-4")
    assert spoken(again) == ["start checkpoint-4 4", "end completed 6", "closed completed 6"], again.stderr
    assert (tmp_path / "run" / "bema" / "model.safetensors").read_bytes() == first


@pytest.mark.slow
@pytest.mark.parametrize(
    ("accident", "code", "end"),
    [
        ("raise RuntimeError('boom')", 1, "end failed 3"),
        ("sys.exit(7)", 1, "end failed 3"),  # a plugin that exits has failed
        ("os.kill(os.getpid(), 15)", 143, "end interrupted 3"),
        ("os.kill(os.getpid(), 2)", 1, "end interrupted 3"),
    ],
)
def test_a_script_that_dies_in_training_still_ends_its_run_once(script, tmp_path, accident, code, end):
    done = script("run", accident)
    assert done.returncode in (code, -2), done.stderr
    assert spoken(done)[1:] == [end, end.replace("end", "closed")]
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == end.split()[1]


def test_mistakes_are_found_before_anything_is_loaded():
    with pytest.raises(CallsheetError, match="Did you mean 'bema'"):
        callsheet.callbacks("bemo")
    with pytest.raises(CallsheetError, match="Did you mean 'update_freq'"):
        callsheet.callbacks("bema", overrides=["plugins.bema.update_frq=3"])
    with pytest.raises(CallsheetError, match=r"'model\.path=x' cannot be set here"):
        callsheet.callbacks("bema", overrides=["model.path=x"])
    with pytest.raises(CallsheetError, match=r"outbox\.deadline_seconds must be at least 0"):
        callsheet.callbacks("bema", overrides=["outbox.deadline_seconds=-1"])
    with pytest.raises(CallsheetError, match="given twice"):
        callsheet.callbacks("bema", "bema")
    with pytest.raises(CallsheetError, match="not selected"):
        callsheet.callbacks("bema", overrides=["plugins.csv_metrics.filename=x"])


def test_the_traceback_of_a_mistake_is_that_of_the_script_alone():
    with pytest.raises(CallsheetError) as mistake:
        callsheet.callbacks("bema", overrides=["plugins.bema.update_frq=3"])
    shown = "".join(traceback.format_exception(mistake.value))
    assert shown.count("Traceback") == 1 and "hydra" not in shown and len(shown.splitlines()) < 40


def test_native_callbacks_of_plugins_come_along():
    from transformers import TrainerCallback

    class Native(TrainerCallback):
        """Nothing."""

    class Adds(Plugin):
        @hookimpl
        def add_callbacks(self, state, add):
            add(Native())

    assert [type(callback).__name__ for callback in callsheet.callbacks(Adds())] == ["ScriptBridge", "Native"]


def test_a_script_says_what_it_could_not_publish(script, tmp_path):
    text = (tmp_path / "train.py").read_text()
    hub = '"plugins.hub_revisions.hub=huggingface", "plugins.hub_revisions.repo=me/model"'
    outbox = '"outbox.deadline_seconds=1", "outbox.linger_seconds=0"'
    text = text.replace('"csv_metrics"', '"hub_revisions"').replace("overrides=[", f"overrides=[{hub}, {outbox}, ")
    (tmp_path / "train.py").write_text(text)
    nobody = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": "hf_" + "n" * 30, "HF_HUB_OFFLINE": "0"}
    done = script("run", no_proxy="127.0.0.1", **nobody)
    assert done.returncode == 0 and spoken(done)[-1] == "closed completed 6", done.stderr
    assert "3 left, kept for: callsheet outbox drain" in done.stderr


class Stops(Plugin):
    """Has seen enough."""

    @hookimpl
    def on_step_end(self, state, step_idx):
        state.request_stop("enough")


def test_callbacks_says_what_it_takes():
    with pytest.raises(CallsheetError, match="got the string"):
        cs.callbacks("bema", overrides="plugins.bema.lag=1")
    with pytest.raises(CallsheetError, match="Unpack a list with"):
        cs.callbacks(["bema"])
    with pytest.raises(CallsheetError, match="a class"):
        cs.callbacks(Stops)
