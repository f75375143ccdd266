"""What newcomers broke once: each stays mended."""

import json
from enum import Enum
from pathlib import Path

import pytest

import callsheet as cs
from callsheet import CallsheetError, Plugin, hookimpl, setting
from callsheet.config.compose import compose
from callsheet.config.overrides import translated
from callsheet.config.plan import make_plan
from callsheet.errors import PluginFailure

QUIET = "plugins=[]"


def test_another_learning_rate_is_another_run(run_demo):
    run_demo(QUIET)
    with pytest.raises(CallsheetError, match=r"holds another run: trainer.args.learning_rate is '?0?.?0?0?3e?-?3?'?"):
        run_demo(QUIET, "trainer.args.learning_rate=0.5")
    run_demo(QUIET, "trainer.args.max_steps=6", "trainer.args.logging_steps=3")


def test_many_runs_are_not_sent_to_one_directory(callsheet, tmp_path):
    done = callsheet("train", "-m", "recipe=demo", "output_dir=one", "trainer.args.seed=1,2")
    assert done.returncode == 2 and "is the same for every run of -m" in done.stderr
    assert not list(tmp_path.iterdir())


def test_every_run_of_a_sweep_that_fails_says_why_and_no_secret_with_it(callsheet):
    settings = ["plugins.bema.update_freq=0,1", "+callbacks.x.path=gone.Class", "callbacks.x.api_key=between-us-only"]
    done = callsheet("check", "-m", "recipe=demo", *settings)
    assert done.returncode == 2 and "between-us-only" not in done.stdout + done.stderr
    assert "Run 0 of the sweep failed: plugins.bema.update_freq must be at least 1, got 0." in done.stderr
    assert "Run 1 of the sweep failed: callbacks.x.path=gone.Class: there is no package 'gone'." in done.stderr


class Colour(Enum):
    RED = 1


class Typed(Plugin):
    """Has a setting of every documented type."""

    number: int = 1
    share: float = 0.5
    switch: bool = True
    word: str | None = None
    place: Path = setting(Path("x"))
    colour: Colour = Colour.RED
    names: list[str] = setting(["a"])
    table: dict[str, int] = setting({"a": 1})


def test_settings_of_every_documented_type_live_through_a_run(run_demo):
    session = run_demo(QUIET, plugins=[Typed(word="w", place=Path("y"))])
    settings = session.run_dir.run()["plugins"][0]["settings"]
    assert settings["place"] == "y" and settings["colour"] == "RED" and settings["table"] == {"a": 1}


def test_a_new_key_of_a_dictionary_needs_no_plus():
    assert translated(["plugins.x.headers.accept=json"]) == ["++plugins.x.headers.accept=json"]
    assert translated(["launch.config={zero_optimization: {}}"]) == ["++launch.config={zero_optimization: {}}"]


class Exits(Plugin):
    """Leaves in the middle."""

    @hookimpl
    def on_step_end(self, state, step_idx):
        raise SystemExit(0)


def test_a_plugin_that_exits_has_failed(run_demo):
    run_demo(QUIET, plugins=[Exits()])
    with pytest.raises(PluginFailure, match=r"'exits'.* raised in on_step_end on rank 0: SystemExit"):
        run_demo(QUIET, plugins=[Exits(on_error="raise")], output_dir="other")


class Tells(Plugin):
    """Gives its own secret away."""

    api_key: str = ""

    @hookimpl
    def on_step_end(self, state, step_idx):
        raise RuntimeError(f"401 for {self.api_key}")


def test_a_secret_hidden_by_its_name_is_not_told_by_an_error(run_demo, tmp_path):
    with pytest.raises(PluginFailure):
        run_demo(QUIET, plugins=[Tells(api_key="plainsecret123", on_error="raise")])
    left = [path for path in (tmp_path / "run").rglob("*") if path.is_file() and b"plainsecret123" in path.read_bytes()]
    assert not left


def test_a_run_killed_while_it_started_does_not_block_its_directory(run_demo, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").write_text("")
    (tmp_path / "run" / "slurm-17.out").write_text("")
    assert run_demo(QUIET).result.status == "completed"


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


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["plugins=null"], ""),
        (["plugins=[bema,[csv_metrics]]"], ""),
        (["trainer.args.max_steps=0"], "trainer.args.max_steps must be at least 1, got 0."),
        (["trainer.args.max_steps=-5"], "trainer.args.max_steps must be at least 1, got -5."),
        (["trainer.args.per_device_train_batch_size=0"], "per_device_train_batch_size must be at least 1"),
        (["trainer.args.learning_rate=-1"], "learning_rate must be at least 0"),
        (["output_dir=afile/x"], "afile is a file"),
        (["finish.push=true", "plugins=[]"], "no selected plugin publishes"),
        (["plugins.csv_metrics.filename=run.json"], "must be a bare name ending in .csv"),
        (["plugins.exact_match.path=bad.jsonl"], "bad.jsonl, line 2"),
        (["--config-dir", "mine", "recipe=bad"], "bad.yaml"),
        (["--config-dir", "mine", "recipe=bare"], "recipe/bare.yaml must begin with the line '# @package _global_'"),
    ],
)
def test_a_mistake_is_no_traceback(callsheet, tmp_path, overrides, message):
    (tmp_path / "afile").write_text("")
    (tmp_path / "bad.jsonl").write_text('{"prompt": "a", "completion": "b"}\n{"prompt": \n')
    (tmp_path / "mine" / "recipe").mkdir(parents=True)
    (tmp_path / "mine" / "recipe" / "bad.yaml").write_text("# @package _global_\na: [\n")
    (tmp_path / "mine" / "recipe" / "bare.yaml").write_text("experiment: mine\n")
    done = callsheet("check", "recipe=demo", *overrides)
    assert done.returncode == 2 and "Traceback" not in done.stderr and message in done.stderr, done.stderr


@pytest.mark.parametrize("place", ["runs/ü mit space", "~/somewhere", "runs/plain"])
def test_a_directory_may_have_any_name(place):
    overrides = ["recipe=demo", f"output_dir={place}", "dataset.split=train[:50%]"]
    plan = make_plan(compose(overrides), overrides)
    assert plan.run_dir == Path(place).expanduser().absolute() and plan.dataset.split == "train[:50%]"


def test_ranges_hold_without_the_parents_post_init():
    class Careless(Plugin):
        number: int = setting(1, ge=1)

        def __post_init__(self):
            self.seen = []

    from omegaconf import OmegaConf

    from callsheet.config.plan import make_plugins

    config = OmegaConf.create({"plugins": {}})
    config.plugins["careless"] = OmegaConf.structured(Careless)
    config.plugins.careless.number = 0
    with pytest.raises(CallsheetError, match="plugins.careless.number must be at least 1"):
        make_plugins(config)


def test_callbacks_says_what_it_takes():
    with pytest.raises(CallsheetError, match="got the string"):
        cs.callbacks("bema", overrides="plugins.bema.lag=1")
    with pytest.raises(CallsheetError, match="A list needs a"):
        cs.callbacks(["bema"])
    with pytest.raises(CallsheetError, match="a class"):
        cs.callbacks(Stops)


def test_a_foreign_line_in_the_manifest_is_passed_over(run_demo):
    session = run_demo(QUIET)
    with (session.run_dir.path / "checkpoints.jsonl").open("a") as file:
        file.write('{"name": "x"}\n5\n')
    (session.run_dir.path / "run.json").write_text(json.dumps({**session.run_dir.run(), "status": "running"}))
    assert run_demo(QUIET).result.status == "completed"
