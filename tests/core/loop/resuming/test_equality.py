"""A run that is resumed at any step is bit for bit the one that was never interrupted, for every trainer."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from runs import Run
from trainer_matrix import TRAINERS

from callsheet.testing.trainers import OVERRIDES, ROWS, TINY

STEPS = 6  # 8 rows in batches of 2: the second epoch begins with step 5
ONE = ("plugins=[]", f"trainer.args.max_steps={STEPS}", "trainer.args.save_steps=1", "trainer.args.logging_steps=2")
DROPOUT = ("+model.kwargs.attention_dropout=0.5",)  # without, no random number matters
KEEPS_DROPOUT = ("dpo", "kto", "reward", "grpo", "rloo")  # others have no argument to switch it off
NOT_THE_SAME = ("time", "runtime", "per_second", "step_time")


def args(**values: Any) -> tuple[str, ...]:
    return tuple(f"trainer.args.{name}={value}" for name, value in values.items())


CYCLE = args(num_iterations=2, steps_per_generation=2)
LASTING = args(dataloader_num_workers=1, dataloader_persistent_workers="true")
EVALUATES = ("dataset.eval_path=ROWS", "dataset.eval_split=train", *args(eval_strategy="steps", eval_steps=2))
BY_EPOCHS = (*EVALUATES, *args(eval_strategy="epoch", logging_strategy="epoch"))
SYNC = args(sync_ref_model="true", ref_model_sync_steps=2, beta=0.1)
MASKED = ("model.auto_class=AutoModelForMaskedLM", "model.path=BERT", "model.init=config", "model.kwargs={}")

# trainer, arguments that change its inner cycle, steps after which it is killed
CASES: dict[str, tuple[str, tuple[str, ...], tuple[int, ...]]] = {
    **{trainer: (trainer, (), (3, 4, 5)) for trainer in TRAINERS},
    "grpo iterations": ("grpo", args(num_iterations=2), (1, 2, 3, 5)),
    "grpo iterations of steps": ("grpo", CYCLE, (1, 2, 3, 4, 5)),
    "grpo accumulates across cycles": (
        "grpo",
        args(steps_per_generation=3, gradient_accumulation_steps=2),
        (1, 2, 3, 5),
    ),
    "grpo large generation batch": ("grpo", args(generation_batch_size=8), (1, 3, 4, 5)),
    "grpo in order": ("grpo", (*CYCLE, *args(shuffle_dataset="false")), (1, 5)),
    "grpo logs completions": ("grpo", (*CYCLE, *args(log_completions="true")), (1,)),
    "grpo follows": ("grpo", (*SYNC, *CYCLE), (1, 3, 4)),
    "grpo workers": ("grpo", (*CYCLE, *args(dataloader_num_workers=1)), (1, 5)),
    "rloo iterations of steps": ("rloo", CYCLE, (1, 2, 3, 5)),
    "rloo accumulates": ("rloo", args(steps_per_generation=3, gradient_accumulation_steps=2), (1, 2, 5)),
    "rloo follows": ("rloo", SYNC, (3,)),
    "dpo follows": ("dpo", SYNC, (1, 2, 3, 5)),
    "dpo precomputes": ("dpo", args(precompute_ref_log_probs="true"), (3, 5)),
    "kto follows": ("kto", SYNC, (3, 5)),
    "kto precomputes": ("kto", args(precompute_ref_log_probs="true"), (3, 5)),
    "kto without pairs": ("kto", args(loss_type="apo_zero_unpaired"), (3, 5)),
    "reward centred": ("reward", args(center_rewards_coefficient=0.01, gradient_accumulation_steps=2), (1, 2, 3, 5)),
    "sft packed": ("sft", args(packing="true", max_length=16), (1, 3, 5)),
    "sft noisy": ("sft", args(neftune_noise_alpha=5, gradient_accumulation_steps=3), (1, 2, 3, 5)),
    "sft by length": ("sft", args(train_sampling_strategy="group_by_length"), (3, 4, 5)),
    "sft workers": ("sft", args(dataloader_num_workers=2), (3, 4, 5)),
    "sft lasting workers": ("sft", LASTING, (3, 4, 5)),
    "sft lasting workers evaluate": ("sft", (*LASTING, *EVALUATES), (3, 5)),
    "grpo lasting workers evaluate": ("grpo", (*CYCLE, *LASTING, *EVALUATES), (3, 5)),
    "grpo epochs": ("grpo", args(per_device_train_batch_size=4), (3, 4, 5)),
    "rloo epochs": ("rloo", args(per_device_train_batch_size=4), (3, 4, 5)),
    "grpo evaluates": ("grpo", (*CYCLE, *EVALUATES), (1, 2, 5)),
    "sft by epochs": ("sft", BY_EPOCHS, (3, 4, 5)),
    "grpo by epochs": ("grpo", (*CYCLE, *BY_EPOCHS), (4,)),
    "sft plain sampler": ("sft", ("+trainer.args.accelerator_config={use_seedable_sampler: false}",), (3, 4, 5)),
    "sft lora": ("sft", ("peft=lora", "peft.args.lora_dropout=0.5"), (3, 5)),
    "hf masks": ("hf", MASKED, (1, 3, 4, 5)),
}
FAST = ("sft by epochs", "grpo iterations of steps", "dpo follows")


@pytest.mark.parametrize("case", [pytest.param(case, marks=[] if case in FAST else pytest.mark.slow) for case in CASES])
def test_a_resumed_run_equals_the_one_that_was_never_interrupted(run_trainer: Any, tmp_path: Path, case: str) -> None:
    trainer, overrides, killed_after = CASES[case]
    keeps = args(disable_dropout="false") if trainer in KEEPS_DROPOUT else ()
    data = rows(tmp_path / "rows.jsonl", trainer)
    settings = (
        *ONE,
        *DROPOUT,
        *keeps,
        f"dataset.path={data}",
        *(item.replace("ROWS", str(data)) for item in overrides),
    )
    if overrides == MASKED:
        settings = tuple(item.replace("BERT", str(bert(tmp_path / "bert"))) for item in settings)
    whole = run_trainer(trainer, *settings, output_dir="whole").run_dir
    for step in killed_after:
        spoil_random_numbers(step)
        start = f"resume={whole.path}/checkpoint-{step}"
        resumed = run_trainer(trainer, *settings, start, output_dir=f"from-{step}").run_dir
        assert not [row for row in resumed.rows("events.jsonl") if row["event"] == "not_restored"]
        assert_same_end(whole.path / f"checkpoint-{STEPS}", resumed.path / f"checkpoint-{STEPS}", step)
        assert logged(resumed, step) == logged(whole, step), step


def rows(path: Path, trainer: str) -> Path:
    """Rows of many lengths, so that their order matters."""
    import json

    longer = [
        {**row, "prompt": row["prompt"] * (1 + n % 3)} if "prompt" in row else row
        for n, row in enumerate(ROWS[trainer])
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in longer))
    return path


def bert(folder: Path) -> Path:
    """A model that learns to guess masked tokens: each batch is made with random numbers."""
    import json
    import shutil
    from importlib.resources import files

    if not folder.exists():
        shutil.copytree(str(files("callsheet_conf") / "demo" / "model"), folder)
        config = {"model_type": "bert", "vocab_size": 34, "hidden_size": 16, "intermediate_size": 16, "pad_token_id": 0}
        small = {"num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 64}
        (folder / "config.json").write_text(json.dumps({**config, **small}))
        tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
        (folder / "tokenizer_config.json").write_text(json.dumps({**tokenizer, "mask_token": "<mask>"}))
    return folder


def spoil_random_numbers(seed: int) -> None:
    """Another process has others."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def assert_same_end(one: Path, other: Path, step: int) -> None:
    """The last checkpoints of two runs hold the same weights, optimizer, schedule and random numbers."""
    for name in ("optimizer.pt", "scheduler.pt", *(path.name for path in one.glob("rng_state*.pth"))):
        first, second = (torch.load(folder / name, weights_only=False) for folder in (one, other))
        assert same(first, second), f"{name} of a run resumed at step {step}"
    for path in one.glob("*.safetensors"):
        assert path.read_bytes() == (other / path.name).read_bytes(), f"{path.name} of a run resumed at step {step}"


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return bool(torch.equal(one, other))
    if isinstance(one, np.ndarray):
        return bool(np.array_equal(one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def logged(run_dir: Any, step: int) -> list[dict[str, Any]]:
    """What was logged of training after `step`, but for times and for averages over the whole of one process."""
    found = [row for row in run_dir.rows("metrics.jsonl") if row["step"] > step and "train_loss" not in row]
    return [{key: value for key, value in row.items() if not key.endswith(NOT_THE_SAME)} for row in found]


@pytest.mark.slow
@pytest.mark.parametrize(("case", "step"), [("sft", 3), ("grpo iterations of steps", 3), ("sft by length", 3)])
def test_two_processes_resume_bit_for_bit(tmp_path: Path, case: str, step: int) -> None:
    trainer, overrides, _ = CASES[case]
    data = rows(tmp_path / "rows.jsonl", trainer)
    small = (*TINY, *OVERRIDES.get(trainer, ()), f"trainer={trainer}", f"dataset.path={data}")
    settings = (*ONE[1:], *DROPOUT, *overrides)
    whole = Run(tmp_path / "whole", *settings, launch="ddp", small=small).wait()
    start = f"resume={whole.path}/checkpoint-{step}"
    resumed = Run(tmp_path / "resumed", *settings, start, launch="ddp", small=small).wait()
    assert_same_end(whole.path / f"checkpoint-{STEPS}", resumed.path / f"checkpoint-{STEPS}", step)


@pytest.mark.slow
@pytest.mark.parametrize("launch", ["zero3", "fsdp2"])
def test_a_reference_that_trl_syncs_is_restored_under_engines(tmp_path: Path, launch: str) -> None:
    small = (*TINY, "trainer=dpo", f"dataset.path={rows(tmp_path / 'rows.jsonl', 'dpo')}")
    settings = (*ONE[1:], *SYNC)
    whole = Run(tmp_path / "whole", *settings, launch=launch, small=small).wait()
    resumed = Run(
        tmp_path / "resumed", *settings, f"resume={whole.path}/checkpoint-3", launch=launch, small=small
    ).wait()
    assert same(whole.weights(), resumed.weights())
