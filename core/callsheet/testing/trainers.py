"""A few rows for every trainer, and settings with which it takes two steps in a moment."""

from __future__ import annotations

from typing import Any

SMALL = (
    "recipe=demo",
    "trainer.args.max_steps=4",
    "trainer.args.save_steps=2",
    "trainer.args.eval_steps=2",
    "trainer.args.logging_steps=1",
    "trainer.args.per_device_train_batch_size=4",
    "plugins.benchmarks.benchmarks=[]",  # each would be a process of seconds
)
TINY = (
    "model=demo",
    "launch.threads=1",
    "trainer.args.use_cpu=true",
    "trainer.args.bf16=false",
    "trainer.args.max_steps=2",
    "trainer.args.save_steps=2",
    "trainer.args.logging_steps=1",
    "trainer.args.per_device_train_batch_size=2",
)
SAMPLING = ("trainer.args.num_generations=2", "trainer.args.max_completion_length=8")
OVERRIDES = {
    "grpo": (*SAMPLING, "trainer.rewards=[callsheet.testing.rewards.length]"),
    "rloo": (*SAMPLING, "trainer.rewards=[callsheet.testing.rewards.length]"),
}
WORDS = ("harbor", "lantern", "meadow", "orchid", "pepper", "raven", "sail", "tulip")

PAIRS = [{"prompt": f"{word} -> ", "chosen": word[::-1], "rejected": word} for word in WORDS]
ROWS: dict[str, list[dict[str, Any]]] = {
    "sft": [{"prompt": f"{word} -> ", "completion": word[::-1]} for word in WORDS],
    "dpo": PAIRS,
    "kto": [{"prompt": f"{word} -> ", "completion": word[::-1], "label": len(word) % 2 == 0} for word in WORDS],
    "grpo": [{"prompt": f"{word} -> ", "answer": word[::-1]} for word in WORDS],
    "rloo": [{"prompt": f"{word} -> ", "answer": word[::-1]} for word in WORDS],
    "reward": PAIRS,
    "hf": [{"text": f"{word} -> {word[::-1]}"} for word in WORDS],
}
