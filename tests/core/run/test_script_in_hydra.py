"""Callsheet's plugins inside a Hydra application of somebody else, which does not notice them."""

from __future__ import annotations

import json
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import warm
from hydra import compose, initialize
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.core.utils import JobRuntime
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.version import getbase

import callsheet

APP = """
import sys, threading
from dataclasses import dataclass
from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

import callsheet


@dataclass
class Config:
    freq: int = 1
    way: str = "callbacks"
    plugins: str = "not a list"


ConfigStore.instance().store(name="config", node=Config)


def train(config):
    folder = HydraConfig.get().runtime.output_dir
    hydra_before = GlobalHydra.instance().hydra
    chosen = ["plugins.bema.update_freq=%d" % config.freq]
    args = TrainingArguments(folder, max_steps=2, save_strategy="no", use_cpu=True, report_to="none", disable_tqdm=True)
    rows = [{"input_ids": [1, 2, 3], "labels": [1, 2, 3]}] * 8
    sizes = {"vocab_size": 8, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    model = LlamaForCausalLM(LlamaConfig(**sizes))
    if config.way == "callbacks":
        trainer = Trainer(model, args, train_dataset=rows, callbacks=callsheet.callbacks("bema", "csv_metrics", overrides=chosen))
    else:
        trainer = Trainer(model, args, train_dataset=rows)
        callsheet.attach(trainer, "bema", "csv_metrics", overrides=chosen)
    trainer.train()
    assert GlobalHydra.instance().hydra is hydra_before
    assert HydraConfig.get().runtime.output_dir == folder
    print("trained", folder, config.freq, flush=True)


@hydra.main(version_base="1.3", config_path=None, config_name="config")
def main(config):
    if config.way == "thread":
        failed = []
        thread = threading.Thread(target=lambda: [train(config), failed.append(0)])
        thread.start()
        thread.join()
        assert failed == [0]
    else:
        train(config)


main()
"""


@pytest.mark.parametrize(
    "arguments",
    [["freq=2"], ["way=attach", "freq=2"], ["way=thread", "freq=2"], ["-m", "freq=1,2", "way=callbacks,attach"]],
    ids=" ".join,
)
def test_plugins_work_in_an_application_of_hydra(tmp_path, arguments: list[str]):
    (tmp_path / "app.py").write_text(APP)
    done = warm.run(
        [sys.executable, "app.py", *arguments], cwd=tmp_path, capture_output=True, text=True, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    trained = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("trained")]
    assert len(trained) == (4 if "-m" in arguments else 1)
    for folder, freq in trained:
        with open(f"{folder}/run.json") as file:
            run = json.load(file)
        assert run["status"] == "completed"
        assert [plugin["name"] for plugin in run["plugins"]] == ["bema", "csv_metrics"]
        assert run["plugins"][0]["settings"]["update_freq"] == int(freq)


@dataclass
class Mine:
    """The configuration of another application; its names are those of Callsheet's own files."""

    lr: float = 0.1
    plugins: str = "text"


@pytest.fixture(params=["1.1", "1.2", "1.3"])
def stored(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An application with configurations that are called like ours."""
    monkeypatch.setattr(ConfigStore.instance(), "repo", dict(ConfigStore.instance().repo))
    for group, name in [(None, "config"), ("trainer", "sft"), ("model", "hub"), ("plugins", "bema")]:
        ConfigStore.instance().store(group=group, name=name, node=Mine)
    with (
        warnings.catch_warnings(action="ignore"),  # of Hydra, of 1.1
        initialize(version_base=request.param, config_path=None, job_name="somebody's"),
    ):
        yield


def state() -> dict[str, Any]:
    return {
        "hydra": id(GlobalHydra.instance().hydra),
        "global": id(Singleton._instances[GlobalHydra]),
        "base": getbase(),
        "job": JobRuntime.instance().get("name"),
        "search path": Plugins.instance().discover(SearchPathPlugin),
    }


def test_the_application_is_as_it_was(stored: None):
    before = state()
    [bridge, *_] = callsheet.callbacks("csv_metrics", overrides=["outbox.deadline_seconds=3"])
    assert state() == before
    assert compose("config", ["lr=3"]) == {"lr": 3.0, "plugins": "text"}
    assert bridge.session.outbox.deadline_seconds == 3  # type: ignore[attr-defined]


def test_mistakes_are_explained_there_too(stored: None):
    before = state()
    with pytest.raises(callsheet.CallsheetError, match="Did you mean 'csv_metrics'"):
        callsheet.callbacks("csv_metric")
    assert state() == before


def test_threads_do_not_meet(stored: None):
    """Hydra keeps one of everything per process; eight compositions at once, and the application's own."""
    found: list[int] = []

    def take(number: int) -> None:
        [bridge, *_] = callsheet.callbacks("bema", overrides=[f"plugins.bema.update_freq={number}"])
        found.append(bridge.session.lineup.plugins[0].update_freq)  # type: ignore[attr-defined]

    threads = [threading.Thread(target=take, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert compose("config").plugins == "text"
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(1, 9))
