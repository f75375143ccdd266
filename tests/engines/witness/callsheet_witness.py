"""Plugins for the tests of launching: one that writes down what it sees on each rank, and one that makes trouble."""

import json
import os
import signal
import time

from callsheet import Plugin, hookimpl, setting


class Observer(Plugin):
    """Writes every hook with its step, and what the engine is made of, into one file per rank."""

    folder: str = setting(".", help="Where to write.")

    def say(self, hook, **what):
        rank = int(os.environ.get("RANK", 0))
        name = vars(self)["_callsheet_name"]
        with open(os.path.join(self.folder, f"{name}-{rank}.jsonl"), "a") as file:
            file.write(json.dumps({"hook": hook, **what}) + "\n")

    @hookimpl
    def on_run_start(self, ctx):
        self.say("on_run_start")

    @hookimpl
    def add_callbacks(self, state, add):
        self.say("add_callbacks")

    @hookimpl
    def on_train_start(self, state):
        self.say("on_train_start", step=state.step, world_size=state.world_size, pid=os.getpid(), **made_of(state))

    @hookimpl
    def on_step_end(self, state, step_idx, batch, metrics):
        self.say("on_step_end", step=step_idx)

    @hookimpl
    def on_rollouts(self, state, step_idx, rollouts):
        told = {"prompts": rollouts.prompts, "rewards": dict(rollouts.rewards), "advantages": rollouts.advantages}
        self.say("on_rollouts", step=step_idx, completions=rollouts.completions, **told)

    @hookimpl
    def on_checkpoint(self, state, row):
        weights = ("model.safetensors", "adapter_model.safetensors", "pytorch_model_fsdp_0/.metadata")
        assert any((row.path / name).exists() for name in weights) and (row.path / "trainer_state.json").exists()
        (row.folder(self) / f"rank-{state.rank}").write_text("here")
        self.say("on_checkpoint", step=row.step)

    @hookimpl
    def on_eval(self, state, step_idx, eval_name, metrics):
        self.say("on_eval", step=step_idx, loss=metrics.get("eval_loss"))

    @hookimpl
    def on_train_end(self, state, artifacts):
        self.say("on_train_end", step=state.step)

    @hookimpl
    def on_run_end(self, ctx, run_result, arm):
        self.say("on_run_end", step=run_result.step, status=run_result.status)


class Witness(Observer):
    """The same on every rank; at the end it keeps the weights that the engine holds."""

    ranks = "all"

    keep_weights: bool = setting(False, help="Keep the weights of every step, put together by the engine's own means.")

    @hookimpl
    def on_step_end(self, state, step_idx, batch, metrics):
        super().on_step_end(state, step_idx, batch, metrics)
        self.keep(state)

    @hookimpl
    def on_eval(self, state, step_idx, eval_name, metrics):
        super().on_eval(state, step_idx, eval_name, metrics)
        if eval_name != "eval":
            self.keep(state, f"-{eval_name}", masters=False)

    def keep(self, state, name="", masters=True):
        import torch

        if self.keep_weights:
            weights = whole_weights(state.model, masters)
            reference = getattr(state.trainer, "ref_model", None)
            references = {} if reference is None else whole_weights(reference)
            if state.is_main:
                torch.save(weights, os.path.join(self.folder, f"weights{name}-{state.step}.pt"))
                torch.save(references, os.path.join(self.folder, f"reference{name}-{state.step}.pt"))

    @hookimpl
    def on_train_start(self, state):
        super().on_train_start(state)
        self.keep(state)
        if state.resumed_from and type(state.trainer.model_wrapped).__name__.startswith("FSDP"):
            self.say("optimizer", moments=moments(state.optimizer))

    @hookimpl
    def on_train_end(self, state, artifacts):
        import torch

        self.say("on_train_end", step=state.step)
        if type(state.trainer.model_wrapped).__name__.startswith("FSDP"):
            self.say("optimizer", moments=moments(state.optimizer))
        weights = whole_weights(state.model)
        if state.is_main:
            torch.save(weights, os.path.join(self.folder, "engine.pt"))


class Odd(Plugin):
    """Freezes some of the model's parameters, and gives it a buffer, before any engine sees it."""

    ranks = "all"

    frozen: str = setting("norm", help="What the names of frozen parameters contain.")

    @hookimpl
    def add_callbacks(self, state, add):
        import torch
        from transformers import TrainerCallback

        class Change(TrainerCallback):
            def on_init_end(callback, *args, model=None, **kwargs):
                model.register_buffer("seen", torch.arange(7))
                for name, parameter in model.named_parameters():
                    parameter.requires_grad_(self.frozen not in name)

        add(Change())


class Theirs(Plugin):
    """TRL's BEMACallback on the same run, which keeps its result as a file."""

    ranks = "all"

    folder: str = setting(".", help="Where to write.")
    update_freq: int = setting(2, help="As bema's.")
    update_after: int = setting(1, help="As bema's.")

    @hookimpl
    def add_callbacks(self, state, add):
        import torch
        from trl import BEMACallback

        class Kept(BEMACallback):
            def on_train_end(callback, *args, **kwargs):
                torch.save(callback.running_model.state_dict(), os.path.join(self.folder, f"theirs-{state.rank}.pt"))

        add(Kept(update_freq=self.update_freq, update_after=self.update_after))


class Trouble(Plugin):
    """Raises, dies, sleeps or asks for something, on one rank at one step."""

    ranks = "all"

    how: str = setting(choices=("raise", "kill", "terminate", "sleep", "stop", "save"), help="What it does.")
    rank: int = setting(1, help="On which rank.")
    step: int = setting(3, help="At which step.")

    @hookimpl
    def on_step_end(self, state, step_idx):
        if state.rank != self.rank or step_idx != self.step:
            return
        if self.how == "raise":
            raise RuntimeError("trouble was asked for")
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "terminate":
            os.kill(os.getpid(), signal.SIGTERM)
        if self.how == "sleep":
            time.sleep(600)
        if self.how in ("stop", "save"):
            getattr(state, f"request_{self.how}")("trouble")


def made_of(state):
    from torch import distributed
    from torch.distributed.tensor import DTensor

    parameters = list(state.model.parameters())
    wrapped = state.trainer.model_wrapped
    return {
        "wrapper": type(wrapped).__name__,
        "dtensors": sum(isinstance(parameter, DTensor) for parameter in parameters),
        "partitioned": sum(hasattr(parameter, "ds_id") for parameter in parameters),
        "held": sum(held(parameter) for parameter in parameters),
        "parameters": len(parameters),
        "engine": type(getattr(wrapped, "optimizer", None)).__name__,
        "backend": distributed.get_backend() if distributed.is_initialized() else None,
    }


def moments(optimizer):
    """The sum of Adam's first moments, over all ranks."""
    states = optimizer.optimizer.state.values()
    return sum(float(state["exp_avg"].full_tensor().abs().sum()) for state in states)


def held(parameter):
    """Elements that this rank keeps between steps."""
    if hasattr(parameter, "ds_tensor"):
        return parameter.ds_tensor.numel()
    return parameter.to_local().numel() if hasattr(parameter, "to_local") else parameter.numel()


def whole_weights(model, masters=False):
    """The weights that the engine holds, or their float32 masters, put together by the engine's own means."""
    weights = {}
    for module in model.modules():
        if type(module).__name__.startswith("FSDP"):
            module.reshard()  # what was gathered for a reference, or for an evaluation, may still be there
    for name, parameter in getattr(model, "module", model).named_parameters():
        if masters and parameter.requires_grad and (hasattr(parameter, "_hp_mapping") or hasattr(parameter, "ds_id")):
            from deepspeed.utils import safe_get_full_fp32_param

            weights[name] = safe_get_full_fp32_param(parameter).detach().clone().view(whole_shape(parameter))
        elif hasattr(parameter, "ds_id"):
            import deepspeed

            with deepspeed.zero.GatheredParameters([parameter]):
                weights[name] = parameter.detach().clone()
        else:
            weights[name] = parameter.full_tensor() if hasattr(parameter, "full_tensor") else parameter.detach().clone()
    return weights


def whole_shape(parameter):
    return parameter.ds_shape if hasattr(parameter, "ds_shape") else parameter.shape
