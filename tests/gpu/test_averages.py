"""bema beside a model on a GPU: one average, wherever it is held and however the model trains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from trl import BEMACallback

import callsheet
from callsheet_plugins.bema import Bema
from callsheet_plugins.bema import running as bema_running
from gpu.training import (
    STEPS,
    WHERE,
    Follow,
    average,
    checkpointed,
    differ,
    followed,
    formed,
    identical,
    llama,
    lora,
    running,
    trainer,
)


class Swinging(torch.optim.AdamW):
    """As an optimizer without a schedule: evaluation sees other weights, which it writes outside of `step`."""

    at_rest = False

    def train(self) -> None:
        self._swing(to_rest=False)

    def eval(self) -> None:
        self._swing(to_rest=True)

    @torch.no_grad()
    def _swing(self, *, to_rest: bool) -> None:
        if self.at_rest != to_rest:
            for parameter in self.param_groups[0]["params"]:
                parameter.mul_(2.0 if to_rest else 0.5)
            self.at_rest = to_rest


KINDS: dict[str, Callable[[], dict[str, Any]]] = {
    "float32": lambda: {},
    "autocast": lambda: {"bf16": True},
    "bfloat16": lambda: {"model": llama().bfloat16(), "bf16": True},
    "lora": lambda: {"model": lora(), "bf16": True},
    "checkpointing": lambda: {"model": checkpointed(), "bf16": True},
    "accumulation": lambda: {"gradient_accumulation_steps": 3, "bf16": True},
    "swinging": lambda: {
        "optimizer": lambda parameters: Swinging(parameters, lr=1e-2),
        "eval_strategy": "steps",
        "eval_steps": 1,
    },
}


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("kind", KINDS)
def test_the_average_is_that_of_the_weights_of_each_step(tmp_path: Path, kind: str, where: str) -> None:
    plugin = Bema(update_freq=3, device=where)
    follow = followed(tmp_path, plugin, **KINDS[kind]())
    assert {*follow.weights} == {*range(STEPS + 1)}
    assert differ(running(tmp_path), average(plugin, follow.weights, corrected=False)) <= 1e-6
    assert differ(formed(tmp_path), average(plugin, follow.weights, corrected=True), _saved) <= (
        2**-8 if kind == "bfloat16" else 1e-6
    )
    first, last = follow.weights[0], follow.weights[STEPS]
    assert any(float((first[name] - last[name]).abs().max()) > 1e-2 for name in first), "there was something to average"


def _saved(name: str) -> str:
    """The name of a parameter in the file: an adapter's lose the adapter's own name."""
    return name.replace(".default.", ".")


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["bfloat16", "float32", "lora"])
@pytest.mark.parametrize("freq", [1, 3])
def test_the_average_has_the_same_bits_wherever_it_is_held(
    tmp_path: Path, kind: str, freq: int, deterministic: None
) -> None:
    last = {}
    for where in WHERE:
        follow = followed(tmp_path / where, Bema(update_freq=freq, device=where), **KINDS[kind]())
        last[where] = follow.weights[STEPS]
    for where in WHERE[1:]:
        assert identical(last[where], last["cpu"]), "the trainings differ, not only their averages"
        assert identical(running(tmp_path / where), running(tmp_path / "cpu")), where
        assert identical(formed(tmp_path / where), formed(tmp_path / "cpu")), where


class TheirBema(BEMACallback):
    """TRL's, which would save to the same folder."""

    def on_train_end(self, *args: Any, **kwargs: Any) -> None:
        model: Any = self.running_model
        self.result = {name: tensor.detach().clone() for name, tensor in model.named_parameters()}


@pytest.mark.parametrize("where", WHERE)
def test_the_average_equals_trl_s_in_float32(tmp_path: Path, where: str) -> None:
    theirs = TheirBema(update_freq=2, device="cpu" if where == "cpu" else "cuda")
    ours = callsheet.callbacks(Bema(update_freq=2, device=where))
    trainer(tmp_path, theirs, Follow(), *ours).train()
    assert differ(formed(tmp_path), theirs.result) <= 1e-6


@pytest.mark.gpu
@pytest.mark.parametrize("where", WHERE)
def test_a_checkpoint_that_waits_for_its_average_is_what_it_would_be_at_once(
    tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch, deterministic: None
) -> None:
    saving = {"save_steps": 3, "bf16": True}
    for name, small in (("at once", 1 << 30), ("beside", 0)):
        monkeypatch.setattr(bema_running, "SMALL", small)
        followed(tmp_path / name, Bema(update_freq=1, device=where, every_checkpoint=True), **saving)
        events = (tmp_path / name / "events.jsonl").read_text()
        assert events.count("completed_late") == (0 if small else 3)
    for step in (3, 6, 9):
        assert identical(running(tmp_path / "beside", step), running(tmp_path / "at once", step))
        ours, theirs = (formed(tmp_path / name / f"checkpoint-{step}") for name in ("beside", "at once"))
        assert differ(ours, theirs) <= 1e-6, "one was formed on the GPU, the other on the processor"
