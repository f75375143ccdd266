"""Every trainer, adapter and launch that is tested together; the table in the documentation is made from it too."""

TRAINERS = ("sft", "dpo", "kto", "grpo", "rloo", "reward", "hf")
ADAPTERS = ("none", "lora", "ia3")
SHARDED = ("zero2", "zero3", "fsdp2")
CELLS = [(trainer, peft) for trainer in TRAINERS for peft in ADAPTERS]
LAUNCHED = [
    *((trainer, "ddp", "none") for trainer in TRAINERS),
    *((trainer, "ddp", "lora") for trainer in ("sft", "dpo")),
    *((trainer, launch, peft) for trainer in ("sft", "dpo") for launch in SHARDED for peft in ("none", "lora")),
]
