"""Who of the built-in plugins only observes: a run with it is bit for bit the run without it."""

from __future__ import annotations

import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import warm

from callsheet.plugins.registry import installed
from callsheet.testing.observing import runs

# Settings with which a plugin has something to do in six steps of the demo. A new plugin joins by its name, or says in
# NO_OBSERVERS why it does not.
SETTINGS: dict[str, tuple[str, ...]] = {
    "bema": ("plugins.bema.update_freq=2", "plugins.bema.update_after=0", "plugins.bema.every_checkpoint=true"),
    "benchmarks": (
        "plugins.benchmarks.benchmarks=[mine]",
        "+plugins.benchmarks.define.mine={engine: command, command: [cp, SCORES, '{results}']}",
    ),
    "completions": (
        "plugins.completions.freq=2",
        "plugins.completions.num_prompts=3",
        "plugins.completions.prompts=fresh",
        "plugins.completions.generation_config={do_sample: true, max_new_tokens: 6}",
    ),
    "csv_metrics": (),
    "early_stopping": ("plugins.early_stopping.patience=9",),
    "exact_match": ("plugins.exact_match.every_steps=3", "plugins.exact_match.limit=4"),
    "hub_revisions": (),
    "progress": ("plugins.progress.every_steps=1",),
    "report": (),
}
# They follow the run in processes of their own, so one run has all of them; none of them needs to come to an end here.
TRACKERS: dict[str, tuple[str, ...]] = {
    "comet": ("plugins.comet.online=false",),
    "mlflow": (),
    "tensorboard": (),
    "trackio": (),
    "wandb": ("plugins.wandb.mode=offline",),
    "weave": ("plugins.weave.project_name=nobody/nothing",),
}
NO_OBSERVERS = {
    "halving": "stops runs, and does nothing outside an experiment",
    "print_progress": "the old name of progress",
    "ref_sync": "moves the reference model, from which losses are computed",
}
OF_ROLLOUTS = ["bema", "completions", "csv_metrics", "exact_match", "progress"]
ENGINES = ("ddp", "zero3", "fsdp2")


@pytest.fixture(autouse=True)
def _warm(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return warm.run(command, workers=True, cwd=folder, env=environment, capture_output=True, text=True)  # type: ignore[no-any-return]

    monkeypatch.setattr(runs, "run_command", run)


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    """The results of a benchmark, which a job only copies."""
    (tmp_path / "scores.json").write_text('{"metrics": {"accuracy": 0.5}}')
    return tmp_path / "scores.json"


def settings_of(plugin: str, scores: Path) -> list[str]:
    return [item.replace("SCORES", str(scores)) for item in SETTINGS[plugin]]


def test_each_built_in_plugin_is_tried_here_or_says_why_it_is_no_observer() -> None:
    built_in = {name for name, found in installed().items() if found.distribution == "callsheet"}
    assert built_in == {*SETTINGS, *TRACKERS, *NO_OBSERVERS}


@pytest.mark.parametrize("plugin", SETTINGS)
def test_an_observer_changes_nothing(observes_only: Any, scores: Path, plugin: str) -> None:
    observes_only(plugin, *settings_of(plugin, scores))


def test_trackers_change_nothing(observes_only: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    for name in ("WF_TRACE_SERVER_URL", "WANDB_BASE_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    settings = [item for items in TRACKERS.values() for item in items]
    deadlines = [f"plugins.{name}.deadline_seconds=0" for name in TRACKERS]
    observes_only([*TRACKERS], *settings, *deadlines)


@pytest.mark.parametrize("which", ["bema", "both"])
def test_an_evaluation_of_the_average_leaves_the_training_alone(observes_only: Any, which: str) -> None:
    """Its numbers are others, which is the purpose of `bema`; `both` leaves those of the model, too."""
    observes_only("bema", *SETTINGS["bema"], f"plugins.bema.evaluate_with={which}", evaluations=which == "both")


def test_observers_of_rollouts_change_nothing_while_a_trainer_samples(observes_only: Any, scores: Path) -> None:
    test = files("callsheet_conf") / "demo" / "test.jsonl"
    rollouts = [f"plugins.exact_match.path={test}", "plugins.bema.evaluate_with=both"]
    settings = [item for plugin in OF_ROLLOUTS for item in settings_of(plugin, scores)]
    observes_only(OF_ROLLOUTS, *settings, *rollouts, trainer="grpo")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_all_observers_together_change_nothing_under_engines(observes_only: Any, scores: Path, engine: str) -> None:
    settings = [item for plugin in SETTINGS for item in settings_of(plugin, scores)]
    observes_only([*SETTINGS], *settings, "plugins.bema.evaluate_with=both", engine=engine)
