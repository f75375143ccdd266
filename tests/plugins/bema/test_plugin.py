"""bema: the same average as TRL's where TRL's is right, and a right one where it is not."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, PromptTuningConfig, get_peft_model
from safetensors.torch import load_file
from torch import Tensor
from transformers import (
    EarlyStoppingCallback,
    LlamaConfig,
    LlamaForCausalLM,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from trl import BEMACallback

import callsheet
from callsheet import CallsheetError, LogContext, LoopState, ManifestRow, Plugin, PreflightReport
from callsheet.sharding import Sharding
from callsheet_plugins.bema import Bema
from callsheet_plugins.bema import average as arithmetic
from callsheet_plugins.bema.keeping import Kept
from callsheet_plugins.bema.running import Average
from callsheet_plugins.csv_metrics import CsvMetrics


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Models this small only wait for further threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


BOTH = ("plugins=[bema]", "plugins.bema.update_after=0", "plugins.bema.evaluate_with=both")


def llama(seed: int = 0, **config: Any) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=64, **{**sizes, **config}))


def trainer(run_dir: Path, plugin: Plugin, *others: TrainerCallback, model: Any = None, **arguments: Any) -> Trainer:
    defaults = {"max_steps": 9, "per_device_train_batch_size": 2, "learning_rate": 1e-2, "save_strategy": "no"}
    args = TrainingArguments(
        str(run_dir), use_cpu=True, report_to="none", disable_tqdm=True, lr_scheduler_type="constant",
        **{**defaults, **arguments},
    )  # fmt: skip
    ids = torch.randint(0, 64, (64, 8), generator=torch.Generator().manual_seed(1))
    rows = [{"input_ids": row, "labels": row} for row in ids]
    callbacks = [*others, *callsheet.callbacks(plugin)]
    return Trainer(model or llama(), args, train_dataset=rows, eval_dataset=rows[:2], callbacks=callbacks)


def loop_state(run_dir: Path, model: Any, **fields: Any) -> LoopState:
    return LoopState(LogContext(run_dir), lambda *a: None, lambda *a: None, model=model, max_steps=9, **fields)


def averaged(run_dir: Path) -> dict[str, Tensor]:
    return dict(LlamaForCausalLM.from_pretrained(run_dir / "bema").state_dict())


def relative(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> float:
    """The largest difference, relative to the largest weight of the same tensor."""
    assert ours.keys() == theirs.keys()
    return max(float((ours[n] - theirs[n]).abs().max() / theirs[n].abs().max()) for n in ours)


def identical(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


class TheirBema(BEMACallback):
    """TRL's, which would save to the same folder."""

    def on_train_end(self, *args: Any, **kwargs: Any) -> None:
        model: Any = self.running_model
        self.result = {name: tensor.clone() for name, tensor in model.state_dict().items()}


class Follow(TrainerCallback):
    """Keeps the weights of every step, and stops at `stop_at`."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.stop_at = stop_at
        self.weights: dict[int, dict[str, Tensor]] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        self.weights[state.global_step] = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        self.weights[state.global_step] = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        if state.global_step == self.stop_at:
            control.should_training_stop = True


class Watch(TrainerCallback):
    """Notes when the average was last updated, as a checkpoint at every step would."""

    def __init__(self, plugin: Bema) -> None:
        self.plugin = plugin
        self.updated_at: list[int | None] = []

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        self.updated_at.append(self.plugin.state_dict()["updated_at"])

    on_train_end = on_step_begin


@pytest.mark.parametrize(
    "settings",
    [
        {"update_freq": 1},
        {"update_freq": 3},
        {"update_freq": 2},  # does not divide 9
        {"update_freq": 4},
        {"update_freq": 2, "update_after": 3},
        {"update_freq": 4, "update_after": 2},
        {"update_freq": 2, "bias_power": 0.0},
        {"update_freq": 2, "bias_power": 8.0},
        {"update_freq": 2, "ema_power": 0.0},
        {"update_freq": 2, "ema_power": 1.0, "lag": 0, "multiplier": 2.0},
        {"update_freq": 2, "ema_power": 3.0, "min_ema_multiplier": 0.3},
    ],
    ids=str,
)
def test_weights_equal_trl_on_the_same_run(tmp_path: Path, settings: dict[str, Any]) -> None:
    theirs = TheirBema(**settings)
    run = trainer(tmp_path, Bema(**settings), theirs)
    run.train()
    assert relative(averaged(tmp_path), theirs.result) <= 1e-6
    assert relative(dict(llama().state_dict()), theirs.result) > 1e-3  # there was something to get wrong


def test_updates_fall_on_trl_steps(tmp_path: Path) -> None:
    plugin = Bema(update_after=3, update_freq=2)
    watch = Watch(plugin)
    trainer(tmp_path, plugin, watch).train()
    assert list(dict.fromkeys(watch.updated_at)) == [None, 5, 7, 9]


def at_once(task: Callable[[], None]) -> Any:
    task()


def begun(folder: Path, model: Any, where: str = "disk") -> Average:
    sharding = Sharding(model)
    kept = Kept(folder / "kept", sharding)
    kept.clear()
    average = Average(sharding, kept, "cpu", where)
    average.begin(at_once)
    return average


def test_a_bfloat16_model_is_averaged_as_in_float64(tmp_path: Path) -> None:
    torch.manual_seed(0)
    walk, plugin = torch.randn(300, 200, dtype=torch.float64), Bema(update_freq=1)
    model = torch.nn.ParameterDict({"w": torch.nn.Parameter(walk.bfloat16())})
    average, weights = begun(tmp_path, model), model["w"].data
    reference = weights.double()
    for step in range(1, 501):
        walk += 1e-3 * torch.randn_like(walk)
        weights.copy_(walk)
        average.update(plugin.beta(step))
        reference.lerp_(weights.double(), plugin.beta(step))
    error = (average.ema["w"].double().view_as(reference) - reference).norm() / reference.norm()
    assert average.ema["w"].dtype == torch.float32
    assert error <= 1e-6


def test_a_bfloat16_model_is_saved_in_bfloat16(tmp_path: Path) -> None:
    plugin, follow = Bema(update_freq=9), Follow()
    trainer(tmp_path, plugin, follow, model=llama().bfloat16()).train()
    start, end, saved = follow.weights[0], follow.weights[9], load_file(tmp_path / "bema" / "model.safetensors")
    name = "model.layers.0.mlp.up_proj.weight"
    ema = start[name].double().lerp(end[name].double(), plugin.beta(9))
    expected = ema + plugin.alpha(9) * (end[name].double() - start[name].double())
    assert {tensor.dtype for tensor in saved.values()} == {torch.bfloat16}
    assert (saved[name] == expected.bfloat16()).float().mean() > 0.999  # a tie in rounding may fall the other way


def test_weights_pass_through_a_buffer_that_is_smaller_than_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "CHUNK", 7)
    average, weights = torch.randn(5, 6), torch.randn(6, 5).bfloat16().T
    expected = average.lerp(weights.float(), 0.3)
    arithmetic.blend(average, weights, 0.3)
    assert torch.equal(average, expected)


def test_an_update_of_weight_one_copies(tmp_path: Path) -> None:
    model = torch.nn.ParameterDict({"w": torch.nn.Parameter(torch.tensor([1e8, 1.0]))})
    average = begun(tmp_path, model)
    model["w"].data.copy_(torch.tensor([0.1, 0.2]))
    average.update(1.0)
    assert torch.equal(average.ema["w"], torch.tensor([0.1, 0.2]))


def test_one_float32_copy_is_held_beyond_the_first_weights(tmp_path: Path) -> None:
    model = llama().bfloat16()
    average = begun(tmp_path, model)
    count = sum(parameter.numel() for parameter in model.parameters())
    assert sum(tensor.nbytes for tensor in average.ema.values()) == 4 * count
    (theta0,) = (tmp_path / "kept").iterdir()
    assert 2 * count < theta0.stat().st_size < 2 * count + 10_000


def test_frozen_parameters_keep_their_values(tmp_path: Path) -> None:
    model, plugin, follow = llama(), Bema(update_freq=2), Follow()
    model.model.embed_tokens.requires_grad_(False)
    trainer(tmp_path, plugin, follow, model=model, save_strategy="steps", save_steps=9).train()
    saved, end = averaged(tmp_path), follow.weights[9]
    assert "model.embed_tokens.weight" not in load_file(tmp_path / "checkpoint-9/callsheet/bema/ema-00000.safetensors")
    assert torch.equal(saved["model.embed_tokens.weight"], end["model.embed_tokens.weight"])
    assert not torch.equal(saved["lm_head.weight"], end["lm_head.weight"])


def test_tied_parameters_are_averaged_once_and_stay_tied(tmp_path: Path) -> None:
    model, plugin, theirs = llama(tie_word_embeddings=True), Bema(update_freq=2), TheirBema(update_freq=2)
    trainer(tmp_path, plugin, theirs, model=model).train()
    loaded = LlamaForCausalLM.from_pretrained(tmp_path / "bema")
    assert loaded.lm_head.weight is loaded.model.embed_tokens.weight
    assert relative(averaged(tmp_path), theirs.result) <= 1e-6


def test_a_peft_model_is_saved_as_its_averaged_adapter(tmp_path: Path) -> None:
    model = get_peft_model(llama(), LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False))
    plugin, follow = Bema(update_freq=3), Follow()
    trainer(tmp_path, plugin, follow, model=model).train()
    loaded = PeftModel.from_pretrained(llama(), tmp_path / "bema").state_dict()
    expected = reference(plugin, follow.weights, [3, 6, 9])
    adapter = {name: tensor for name, tensor in expected.items() if "lora_" in name}
    assert adapter
    assert relative({name: loaded[name] for name in adapter}, adapter) <= 1e-6
    assert not (tmp_path / "bema" / "model.safetensors").exists()


def test_an_adapter_resumes_beside_the_average_in_its_checkpoint(tmp_path: Path) -> None:
    def train(folder: str, resumed: str | None = None) -> Trainer:
        torch.manual_seed(0)
        model = get_peft_model(llama(), LoraConfig(r=2, target_modules=["q_proj"]))
        plugin, saving = Bema(update_freq=2, every_checkpoint=True), {"save_strategy": "steps", "save_steps": 4}
        made = trainer(tmp_path / folder, plugin, model=model, max_steps=6, **saving)
        made.train(resume_from_checkpoint=resumed)
        made.save_model()
        return made

    train("whole")
    resumed = train("resumed", str(tmp_path / "whole" / "checkpoint-4"))
    assert list(resumed.model.peft_config) == ["default"]
    for name in ("adapter_model.safetensors", "bema/adapter_model.safetensors"):
        assert identical(load_file(tmp_path / "whole" / name), load_file(tmp_path / "resumed" / name))


def test_an_adapter_resumes_beside_an_average_that_is_no_longer_kept(tmp_path: Path) -> None:
    def train(folder: str, *plugins: Any, resumed: str | None = None, **arguments: Any) -> Trainer:
        model = get_peft_model(llama(), LoraConfig(r=2, target_modules=["q_proj"]))
        made = trainer(tmp_path / folder, *plugins, model=model, **arguments)
        made.train(resume_from_checkpoint=resumed)
        made.save_model()
        return made

    train("with", Bema(update_freq=2, every_checkpoint=True), save_strategy="steps", save_steps=4, max_steps=4)
    without = train("without", CsvMetrics(), resumed=str(tmp_path / "with" / "checkpoint-4"), max_steps=6)
    assert list(without.model.peft_config) == ["default"]
    assert not (tmp_path / "without" / "bema").exists()


def test_prompts_that_peft_saves_by_itself_are_refused(tmp_path: Path) -> None:
    model = get_peft_model(llama(), PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2))
    with pytest.raises(CallsheetError, match="cannot save the average of PromptTuningConfig"):
        Bema().on_train_start(loop_state(tmp_path, model))
    report = PreflightReport()
    Bema().preflight(LogContext(tmp_path, run_config={"peft": {"type": "PromptTuningConfig"}}), report)
    assert len(report.problems) == 1


def reference(
    plugin: Bema, weights: dict[int, dict[str, Tensor]], updates: list[int], formed_at: int | None = None
) -> dict[str, Tensor]:
    """The paper's average in float64, over the weights of a run that began at step 0."""
    theta0 = {name: tensor.double() for name, tensor in weights[plugin.update_after].items()}
    ema = {name: tensor.clone() for name, tensor in theta0.items()}
    for step in updates:
        for name in ema:
            ema[name].lerp_(weights[step][name].double(), plugin.beta(step))
    last = formed_at or updates[-1]
    return {n: (ema[n] + plugin.alpha(last) * (weights[last][n].double() - theta0[n])).float() for n in ema}


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Runs with a checkpoint a step, one planned for four steps and one for eight."""
    runs = {steps: tmp_path_factory.mktemp(f"planned-{steps}") for steps in (4, 8)}
    for steps, run_dir in runs.items():
        plugin = Bema(update_freq=3, update_after=1)
        trainer(run_dir, plugin, max_steps=steps, save_strategy="steps", save_steps=1).train()
    return runs


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("uninterrupted")
    trainer(run_dir, Bema(update_freq=3, update_after=1), max_steps=8, save_strategy="steps", save_steps=8).train()
    return run_dir


@pytest.mark.parametrize(
    ("steps", "step"), [(4, 1), (4, 3), (4, 4), (8, 1), (8, 2), (8, 3), (8, 4), (8, 6), (8, 7), (8, 8)]
)
def test_a_resumed_run_equals_an_uninterrupted_one(
    planned: dict[int, Path], uninterrupted: Path, tmp_path: Path, steps: int, step: int
) -> None:
    checkpoint = planned[steps] / f"checkpoint-{step}"
    resumed = trainer(tmp_path, Bema(update_freq=3, update_after=1), max_steps=8, save_strategy="steps", save_steps=8)
    resumed.train(resume_from_checkpoint=str(checkpoint))
    assert identical(averaged(tmp_path), averaged(uninterrupted))
    if step < 8:
        for name in ("ema", "theta0"):
            saved = f"checkpoint-8/callsheet/bema/{name}-00000.safetensors"
            assert identical(load_file(tmp_path / saved), load_file(uninterrupted / saved))


def test_a_resumed_run_with_a_nearer_end_equals_one_planned_so(tmp_path: Path) -> None:
    saving = {"save_strategy": "steps", "save_steps": 1}
    trainer(tmp_path / "longer", Bema(update_freq=3), max_steps=9, **saving).train()
    trainer(tmp_path / "planned", Bema(update_freq=3), max_steps=5).train()
    resumed = trainer(tmp_path / "resumed", Bema(update_freq=3), max_steps=5)
    resumed.train(resume_from_checkpoint=str(tmp_path / "longer" / "checkpoint-3"))
    assert identical(averaged(tmp_path / "resumed"), averaged(tmp_path / "planned"))


def test_checkpoints_share_one_file_of_the_first_weights_also_over_a_resume(tmp_path: Path) -> None:
    saving = {"save_strategy": "steps", "save_steps": 1}
    trainer(tmp_path, Bema(update_freq=2), max_steps=2, **saving).train()
    resumed = trainer(tmp_path, Bema(update_freq=2), max_steps=4, **saving)
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    files = [tmp_path / f"checkpoint-{step}/callsheet/bema/theta0-00000.safetensors" for step in (1, 2, 3, 4)]
    assert len({file.stat().st_ino for file in files}) == 1


def test_without_hard_links_the_first_weights_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **how: Any) -> None:
        raise OSError("Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    trainer(tmp_path, Bema(update_freq=2), max_steps=2, save_strategy="steps", save_steps=1).train()
    files = [tmp_path / f"checkpoint-{step}/callsheet/bema/theta0-00000.safetensors" for step in (1, 2)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_checkpoint_without_an_average_is_refused(tmp_path: Path) -> None:
    checkpoint = bare_checkpoint(tmp_path)
    with pytest.raises(CallsheetError, match=r"checkpoint-2 holds no BEMA state; .*bema.on_missing_state=restart"):
        trainer(tmp_path, Bema(update_freq=2)).train(resume_from_checkpoint=str(checkpoint))


def test_a_checkpoint_without_the_first_weights_is_refused_before_training(tmp_path: Path) -> None:
    trainer(tmp_path, Bema(update_freq=2), max_steps=2, save_strategy="steps", save_steps=2).train()
    checkpoint = tmp_path / "checkpoint-2"
    (checkpoint / "callsheet/bema/theta0-00000.safetensors").unlink()
    with pytest.raises(CallsheetError, match="checkpoint-2 holds no BEMA state"):
        trainer(tmp_path / "again", Bema(update_freq=2)).train(resume_from_checkpoint=str(checkpoint))


def test_averaging_starts_anew_where_asked_to(tmp_path: Path) -> None:
    checkpoint, follow = bare_checkpoint(tmp_path), Follow()
    plugin = Bema(update_freq=3, on_missing_state="restart")
    trainer(tmp_path, plugin, follow).train(resume_from_checkpoint=str(checkpoint))
    expected = reference(plugin, {0: follow.weights[2], **follow.weights}, [3, 6, 9])
    assert relative(averaged(tmp_path), expected) <= 1e-6


def test_a_checkpoint_before_averaging_began_needs_no_average(tmp_path: Path) -> None:
    checkpoint = bare_checkpoint(tmp_path)
    trainer(tmp_path, Bema(update_freq=2, update_after=5)).train(resume_from_checkpoint=str(checkpoint))
    assert averaged(tmp_path)


def test_an_average_of_another_model_is_refused(tmp_path: Path) -> None:
    trainer(tmp_path, Bema(update_freq=1), max_steps=2, save_strategy="steps", save_steps=2).train()
    checkpoint = tmp_path / "checkpoint-2"
    row = ManifestRow("checkpoint-2", 2, 0.0, checkpoint)
    with pytest.raises(CallsheetError, match="other parameters"):
        Bema().on_train_start(loop_state(tmp_path, llama(hidden_size=32), resumed_from=row, step=2))


def bare_checkpoint(folder: Path) -> Path:
    """A checkpoint of a run that had no BEMA."""
    run = trainer(folder, Bema(update_freq=2), max_steps=2, save_strategy="steps", save_steps=2)
    run.callback_handler.callbacks = [c for c in run.callback_handler.callbacks if "Bridge" not in type(c).__name__]
    run.train()
    return folder / "checkpoint-2"


def test_a_second_training_starts_afresh(tmp_path: Path) -> None:
    plugin, follow = Bema(update_freq=3), Follow()
    run = trainer(tmp_path, plugin, follow)
    run.train()
    run.train()
    assert relative(averaged(tmp_path), reference(plugin, follow.weights, [3, 6, 9])) <= 1e-6


def test_nothing_is_left_of_an_earlier_training_on_the_same_instance(tmp_path: Path) -> None:
    plugin = Bema(update_freq=3)
    run = trainer(tmp_path, plugin)
    run.train()
    run.args.max_steps = 2
    run.train()
    assert plugin.state_dict() == {"updated_at": None}


def test_an_evaluation_after_a_training_that_failed_sees_each_average_once(tmp_path: Path) -> None:
    class Fail(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, *rest: Any, **kwargs: Any) -> None:
            if state.global_step == 5:
                raise RuntimeError("no more")

    plugin, fail = Bema(update_freq=2, evaluate_with="both"), Fail()
    made = trainer(tmp_path, plugin, max_steps=6, eval_strategy="steps", eval_steps=3)
    made.add_callback(fail)
    with pytest.raises(RuntimeError, match="no more"):
        made.train()
    made.remove_callback(fail)
    made.train()
    keys = {key for row in made.state.log_history for key in row}
    assert "eval_bema_loss" in keys and not [key for key in keys if key.startswith("eval_bema_bema")]
    assert not {"evaluate", "log", "save_model"} & vars(made).keys()


@pytest.mark.parametrize("metric", ["eval_bema_loss", "bema_loss"])
def test_the_best_checkpoint_by_the_average_is_none_before_the_first_update(tmp_path: Path, metric: str) -> None:
    saving = {"eval_strategy": "steps", "eval_steps": 1, "save_strategy": "steps", "save_steps": 1}
    best = {"load_best_model_at_end": True, "metric_for_best_model": metric, "greater_is_better": False}
    made = trainer(tmp_path, Bema(update_freq=3, evaluate_with="both"), max_steps=4, **saving, **best)
    made.train()
    losses = {row["step"]: row["eval_bema_loss"] for row in made.state.log_history if "eval_bema_loss" in row}
    assert {*losses} == {3, 4} and made.state.best_metric == min(losses.values())


@pytest.mark.parametrize("which", ["bema", "both"])
def test_nothing_is_saved_while_an_evaluation_has_the_average(tmp_path: Path, which: str) -> None:
    class Save(TrainerCallback):
        def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
            if which == "bema" or "eval_bema_loss" in metrics:
                made.save_model(str(tmp_path / "other"))

    plugin = Bema(update_freq=1, evaluate_with=which)
    made = trainer(tmp_path, plugin, max_steps=2, eval_strategy="steps", eval_steps=2)
    made.add_callback(Save())
    with pytest.raises(CallsheetError, match="holds averaged weights during an evaluation"):
        made.train()
    assert not (tmp_path / "other").exists()


def test_what_trl_gathers_of_the_average_bears_its_name(run_demo: Callable[..., Any]) -> None:
    session = run_demo(*BOTH, "plugins.bema.update_freq=1")
    rows = [json.loads(line) for line in (session.run_dir.path / "metrics.jsonl").read_text().splitlines()]
    raw, average = ({key for key in row if "_" in key} for row in rows if row["step"] == 2 and row["split"] != "train")
    assert "eval_mean_token_accuracy" in raw
    assert average == {key.replace("eval_", "eval_bema_") for key in raw}


def test_averaged_weights_in_vllm_are_refused_in_a_script_too(tmp_path: Path) -> None:
    args: Any = SimpleNamespace(use_vllm=True)
    with pytest.raises(CallsheetError, match="would leave averaged weights in vLLM"):
        Bema(evaluate_with="bema").on_train_start(loop_state(tmp_path, llama(), args=args))


def test_nothing_is_left_of_a_run_that_was_killed_in_the_same_directory(tmp_path: Path) -> None:
    llama(seed=1).save_pretrained(tmp_path / "callsheet" / "bema" / "formed")
    plugin, follow = Bema(update_freq=4), Follow()
    trainer(tmp_path, plugin, follow).train()
    assert relative(averaged(tmp_path), reference(plugin, follow.weights, [4, 8])) <= 1e-6


def test_stopping_early_forms_the_average_of_the_weights_it_stopped_at(tmp_path: Path) -> None:
    plugin, follow = Bema(update_freq=3), Follow(stop_at=5)
    trainer(tmp_path, plugin, follow).train()
    assert relative(averaged(tmp_path), reference(plugin, follow.weights, [3], formed_at=5)) <= 1e-6


@pytest.mark.parametrize(("stop_at", "updates", "worst_is_best"), [(5, [3], True), (None, [3, 6, 9], False)])
def test_loading_the_best_model_at_the_end_leaves_the_average_alone(
    tmp_path: Path, stop_at: int | None, updates: list[int], worst_is_best: bool
) -> None:
    plugin, follow = Bema(update_freq=3), Follow(stop_at=stop_at)
    saving = {"eval_strategy": "steps", "eval_steps": 1, "save_strategy": "steps", "save_steps": 1}
    best = {"load_best_model_at_end": True, "metric_for_best_model": "loss", "greater_is_better": worst_is_best}
    run = trainer(tmp_path, plugin, follow, **saving, **best)
    run.train()
    model: Any = run.model
    assert not identical(dict(model.state_dict()), follow.weights[max(follow.weights)])
    assert relative(averaged(tmp_path), reference(plugin, follow.weights, updates, formed_at=stop_at)) <= 1e-6


def test_a_best_model_that_is_older_than_the_end_leaves_the_average_alone(tmp_path: Path) -> None:
    plugin, follow, patience = Bema(update_freq=2), Follow(), EarlyStoppingCallback(1)
    saving = {"eval_strategy": "steps", "eval_steps": 1, "save_strategy": "steps", "save_steps": 2}
    worst = {"load_best_model_at_end": True, "metric_for_best_model": "loss", "greater_is_better": True}
    run = trainer(tmp_path, plugin, follow, patience, **saving, **worst)
    run.train()
    assert max(follow.weights) == 3, "it stopped where nothing was saved"
    assert relative(averaged(tmp_path), reference(plugin, follow.weights, [2], formed_at=3)) <= 1e-6
    assert "_load_best_model" not in vars(run)


def test_a_run_too_short_for_an_update_says_so_and_saves_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer(tmp_path, Bema(update_freq=400), max_steps=2).train()
    assert "training ended at step 2, and the first update was due at step 400" in caplog.text
    assert not (tmp_path / "bema").exists()


def test_the_folder_is_announced_and_holds_the_tokenizer(run_demo: Callable[..., Any]) -> None:
    session = run_demo("plugins=[bema]", "plugins.bema.update_after=0", "plugins.bema.update_freq=3")
    folder = session.run_dir.path / "bema"
    assert session.run_dir.run()["artifacts"] == {"bema": "bema"}
    assert (folder / "tokenizer.json").exists() and (folder / "config.json").exists()
    assert json.loads((folder / "config.json").read_text())["use_cache"] is True, "training has it off"
    assert not (session.run_dir.path / "callsheet" / "bema").exists(), "checkpoints hold θ₀"


def test_a_model_that_cannot_be_saved_is_refused_before_training(tmp_path: Path) -> None:
    with pytest.raises(CallsheetError, match="save_pretrained, which Linear does not have"):
        Bema().on_train_start(loop_state(tmp_path, torch.nn.Linear(2, 2)))


@pytest.mark.parametrize(
    "settings",
    [{"update_freq": 0}, {"ema_power": -1.0}, {"lag": -1}, {"min_ema_multiplier": 2.0}, {"lag": 0, "multiplier": 0.0},
     {"on_missing_state": "ignore"}],
    ids=str,
)  # fmt: skip
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(CallsheetError):
        Bema(**settings)


@pytest.mark.parametrize("device", ["cudaa", "cuda:x"])
def test_what_is_no_device_is_found_before_training(device: str) -> None:
    report = PreflightReport()
    Bema(device=device).preflight(LogContext(Path()), report)
    assert len(report.problems) == 1 and f"device={device} is no device" in report.problems[0]


@pytest.mark.skipif(torch.accelerator.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:1", "xpu", "npu", "mps"])
def test_a_device_that_is_missing_is_refused_in_a_sentence(tmp_path: Path, device: str) -> None:
    with pytest.raises(CallsheetError, match=f"device={device} needs a device that torch does not see here"):
        Bema(device=device).on_train_start(loop_state(tmp_path, llama()))


def test_settings_that_would_do_nothing_are_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trainer(tmp_path, Bema(update_freq=10, evaluate_with="both"), max_steps=1).train()
    assert "will save no average: the run ends at step 1, and the first update is due at step 10" in caplog.text
    assert "evaluate_with=both waits for evaluations" in caplog.text
    report = PreflightReport()
    Bema().preflight(LogContext(tmp_path, run_config={"trainer": {"args": {"max_steps": 399}}}), report)
    assert [warning for warning in report.warnings if "will save no average" in warning]


@pytest.mark.parametrize("settings", [{"ema_power": math.inf}, {"bias_power": 1e300, "lag": 0, "multiplier": 1e-5}])
def test_powers_that_leave_no_weight_to_compute_with_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(CallsheetError, match="is 0 or infinite"):
        Bema(**settings)


def test_an_update_that_overshoots_is_warned_about() -> None:
    report = PreflightReport()
    Bema(lag=0, multiplier=0.001, update_freq=10).preflight(LogContext(Path()), report)
    assert "at step 10, has the weight 10" in report.warnings[0]


def test_it_imports_lightly(imports_lightly: Callable[[str], None]) -> None:
    imports_lightly("callsheet_plugins.bema")
