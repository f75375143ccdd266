"""Text that is made on the GPU while a model trains there: GRPO's rollouts, and the answers of exact_match."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import torch
from device import device

from callsheet import LoopState, Plugin, Rollouts, hookimpl
from callsheet.generation import generate

ON_CPU = device() == "cpu"
HERE = (f"trainer.args.use_cpu={str(ON_CPU).lower()}", f"trainer.args.bf16={str(not ON_CPU).lower()}")


class Listener(Plugin):
    """Keeps the rollouts, and where the model was."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.heard: list[Rollouts] = []
        self.devices: set[str] = set()

    @hookimpl
    def on_rollouts(self, state: LoopState, step_idx: int, rollouts: Rollouts) -> None:
        assert state.model is not None
        self.heard.append(rollouts)
        self.devices |= {parameter.device.type for parameter in state.model.parameters()}


def test_grpo_generates_on_the_device_beside_bema_and_ref_sync(run_trainer: Callable[..., Any]) -> None:
    listener = Listener(on_error="raise")
    settings = ("plugins.bema.update_freq=1", "plugins.ref_sync.ref_model_sync_steps=1", "trainer.args.beta=0.1")
    session = run_trainer("grpo", *HERE, "plugins=[bema,ref_sync]", *settings, plugins=[listener])
    assert listener.devices == {device()} and len(listener.heard) >= 2
    for rollouts in listener.heard:
        assert len(rollouts.completions) == len(rollouts.advantages) > 0
        assert all(math.isfinite(float(value)) for value in rollouts.advantages)
    rows = [json.loads(line) for line in (session.run_dir.path / "metrics.jsonl").read_text().splitlines()]
    assert {row["step"] for row in rows if "ref_sync/change" in row} == {1, 2}
    assert (session.run_dir.path / "bema" / "model.safetensors").exists()


def test_exact_match_scores_the_model_on_the_device(run_demo: Callable[..., Any]) -> None:
    limit = ("plugins.exact_match.limit=16", "plugins.exact_match.batch_size=8")
    session = run_demo(*HERE, "plugins=[exact_match]", "plugins.exact_match.every_steps=2", *limit)
    folder, model = session.run_dir.path, session.state.model
    rows = [json.loads(line) for line in (folder / "evals.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 2, 4]
    answered = [json.loads(line) for line in (folder / "predictions" / "test-raw-4.jsonl").read_text().splitlines()]
    assert {parameter.device.type for parameter in model.parameters()} == {device()} and len(answered) == 16
    with torch.no_grad():
        alone = generate.answers(model.eval(), session.state.tokenizer, answered, 8, max_new_tokens=12)
    assert [row["answer"] for row in answered] == alone
