"""The fixture `observes_only` notices what a plugin changes, and says it; what changes nothing passes."""

from __future__ import annotations

import logging
import os
import random
import signal
from typing import Any

import numpy
import pytest
import torch
from transformers import TrainerCallback

from callsheet import LoopState, Plugin, hookimpl
from callsheet.randomness import random_states_kept

AT = 1  # the step at which each plugin here does its one thing


class Once(Plugin):
    """Does one thing, once."""

    ranks = "all"

    @hookimpl
    def on_step_end(self, state: LoopState, step_idx: int) -> None:
        if step_idx == AT:
            self.do(state)

    def do(self, state: Any) -> None: ...


class LooksOnly(Once):
    """Reads all there is, logs it, samples with dropout in a block of its own, and asks for evaluations and a save."""

    @hookimpl
    def on_step_end(self, state: LoopState, step_idx: int, metrics: Any) -> None:
        state.log({"mine/norm": metrics["grad_norm"]})
        state.log_later({"mine/loss": lambda: metrics["loss"]})
        state.request_eval("to see")
        state.request_save("to see")
        assert state.model is not None
        with random_states_kept(), torch.no_grad():
            torch.manual_seed(step_idx)
            state.model(input_ids=torch.arange(8)[None])


class DrawsOfPython(Once):
    def do(self, state: Any) -> None:
        random.random()


class DrawsOfNumPy(Once):
    def do(self, state: Any) -> None:
        numpy.random.rand()


class DrawsOfTorch(Once):
    def do(self, state: Any) -> None:
        torch.rand(1)


class Seeds(Once):
    def do(self, state: Any) -> None:
        torch.manual_seed(0)


class TrainsInEvalMode(Once):
    def do(self, state: Any) -> None:
        state.model.eval()


class SwitchesDropoutOff(Once):
    def do(self, state: Any) -> None:
        for layer in state.model.model.layers:
            layer.self_attn.attention_dropout = 0.0


class RoundsOneWeight(Once):
    def do(self, state: Any) -> None:
        weight = state.model.lm_head.weight
        weight.data[0, 0] = weight.data[0, 0].half().float()


class Freezes(Once):
    def do(self, state: Any) -> None:
        state.model.model.norm.weight.requires_grad_(False)


class LeavesGradients(Once):
    def do(self, state: Any) -> None:
        with random_states_kept():
            state.model(input_ids=torch.arange(8)[None]).logits.sum().backward()


class LowersTheRate(Once):
    def do(self, state: Any) -> None:
        for group in state.optimizer.param_groups:
            group["lr"] *= 0.5


class ForgetsAMoment(Once):
    def do(self, state: Any) -> None:
        next(iter(state.optimizer.state.values()))["exp_avg"].zero_()


class StepsTheScheduler(Once):
    def do(self, state: Any) -> None:
        state.trainer.lr_scheduler.step()


class PadsOnTheLeft(Once):
    def do(self, state: Any) -> None:
        left = {"left": "right", "right": "left"}
        state.tokenizer.padding_side = left[state.tokenizer.padding_side]


class ChangesTheConfig(Once):
    def do(self, state: Any) -> None:
        state.model.generation_config.max_new_tokens = 7


class Doubles(Once):
    def do(self, state: Any) -> None:
        torch.set_default_dtype(torch.float64)


class Determines(Once):
    def do(self, state: Any) -> None:
        torch.use_deterministic_algorithms(True, warn_only=True)


class TakesThreads(Once):
    def do(self, state: Any) -> None:
        torch.set_num_threads(torch.get_num_threads() + 1)


class ChangesFolder(Once):
    def do(self, state: Any) -> None:
        os.chdir(state.ctx.run_dir)


class ChangesEnvironment(Once):
    def do(self, state: Any) -> None:
        os.environ["LUCKY"] = "hunter2"


class HandlesSignals(Once):
    def do(self, state: Any) -> None:
        signal.signal(signal.SIGUSR1, self.handle)

    def handle(self, *args: Any) -> None: ...


class Silences(Once):
    def do(self, state: Any) -> None:
        logging.getLogger("transformers").setLevel(logging.CRITICAL)


class Stops(Once):
    def do(self, state: Any) -> None:
        state.request_stop("enough")


class Raises(Once):
    ranks = "main"

    def do(self, state: Any) -> None:
        raise RuntimeError("no luck")


class RewritesLogs(Plugin):
    """A native callback may change what the trainer logs."""

    ranks = "all"

    @hookimpl
    def add_callbacks(self, state: LoopState, add: Any) -> None:
        class Rewrite(TrainerCallback):
            def on_step_end(self, args: Any, state: Any, *rest: Any, **kwargs: Any) -> None:
                if state.global_step == AT + 1:
                    state.log_history[-1]["loss"] = 0.0

        add(Rewrite())


class DrawsBeforeTheRun(Plugin):
    """Draws before the first step."""

    @hookimpl
    def on_train_start(self, state: LoopState) -> None:
        random.random()


class DrawsAtTheEnd(Plugin):
    """Draws when training has ended."""

    @hookimpl
    def on_train_end(self, state: LoopState) -> None:
        torch.rand(1)


class ResumesOtherwise(Plugin):
    """Is a good observer until a run is resumed with it."""

    @hookimpl
    def on_train_start(self, state: LoopState) -> None:
        if state.resumed_from:
            random.random()


class SpoilsCheckpoints(Plugin):
    """Rounds a weight in the checkpoint alone."""

    @hookimpl
    def on_checkpoint(self, state: LoopState, row: Any) -> None:
        from safetensors.torch import load_file, save_file

        file = row.path / "model.safetensors"
        weights = load_file(file)
        weights["model.norm.weight"] = weights["model.norm.weight"].half().float()
        save_file(weights, file, {"format": "pt"})


AFTER = f"In a run with it, after step {AT}: "
SAID = {
    DrawsOfPython: f"{AFTER}the random state of Python differs.",
    DrawsOfNumPy: f"{AFTER}the random state of NumPy differs.",
    DrawsOfTorch: f"{AFTER}the random state of torch on the CPU differs.",
    Seeds: f"{AFTER}the random state of torch on the CPU differs.",
    TrainsInEvalMode: f"{AFTER}the mode (training or eval) of the whole model differs (eval with it, training without).",
    SwitchesDropoutOff: f"In a run with it, after step {AT + 1}: the random state of torch on the CPU differs.",
    RoundsOneWeight: f"{AFTER}the weight lm_head.weight differs.",
    Freezes: f"{AFTER}requires_grad of model.norm.weight differs (False with it, True without).",
    LeavesGradients: f"{AFTER}the gradient of model.embed_tokens.weight, which is none here otherwise, differs.",
    LowersTheRate: f"{AFTER}the optimizer's lr of group 0 differs.",
    ForgetsAMoment: f"{AFTER}the optimizer's exp_avg of ",
    StepsTheScheduler: f"{AFTER}the optimizer's lr of group 0 differs.",
    PadsOnTheLeft: f"{AFTER}the tokenizer's padding_side differs (",
    ChangesTheConfig: f"{AFTER}generation_config.max_new_tokens of the model differs (7 with it, ",
    Doubles: f"{AFTER}torch's default dtype differs (torch.float64 with it, torch.float32 without).",
    Determines: f"{AFTER}torch's deterministic algorithms differs (True with it, False without).",
    TakesThreads: f"{AFTER}torch's number of threads differs (2 with it, 1 without).",
    ChangesFolder: f"{AFTER}the working directory differs (",
    ChangesEnvironment: f"{AFTER}the environment variable LUCKY differs.",
    HandlesSignals: f"{AFTER}the handler of SIGUSR1 differs (HandlesSignals.handle with it, ",
    Silences: f"{AFTER}the level of the logger transformers differs (50 with it, ",
    Stops: f"{AFTER}the run with it has ended, and the run without it goes on.",
    Raises: "was not tried: raises raised in on_step_end: RuntimeError: no luck",
    RewritesLogs: f"In a run with it, in the trainer's log of step {AT}: loss is 0.0 with it, and ",
    DrawsBeforeTheRun: "In a run with it, before its first step: the random state of Python differs.",
    DrawsAtTheEnd: "In a run with it, at the end of training: the random state of torch on the CPU differs.",
    ResumesOtherwise: "Resumed with it, from checkpoint-3 of a run with it, before its first step: the random state of Python",
    SpoilsCheckpoints: "Resumed with it, from checkpoint-3 of a run with it, before its first step: the weight model.norm.weight",
}


@pytest.fixture(autouse=True)
def _put_back(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What these plugins do to the process."""
    threads, handler, level = (
        torch.get_num_threads(),
        signal.getsignal(signal.SIGUSR1),
        logging.getLogger("transformers").level,
    )
    monkeypatch.setenv("LUCKY", "x")
    monkeypatch.delenv("LUCKY")
    here = os.getcwd()
    yield
    os.chdir(here)
    torch.set_default_dtype(torch.float32)
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)
    signal.signal(signal.SIGUSR1, handler)
    logging.getLogger("transformers").setLevel(level)


def test_who_only_looks_passes(observes_only: Any) -> None:
    observes_only(LooksOnly())


@pytest.mark.parametrize("plugin", SAID, ids=lambda plugin: plugin.__name__)
def test_what_a_plugin_changes_is_said(observes_only: Any, plugin: type[Plugin]) -> None:
    with pytest.raises(AssertionError) as refused:
        observes_only(plugin())
    said = str(refused.value)
    print(said)
    assert SAID[plugin] in said and said.startswith(f"Plugin {plugin.__name__} ")
    assert len(said.splitlines()) <= 6 and "hunter2" not in said
