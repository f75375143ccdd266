"""Every trainer with every adapter that the configurations offer; the page on trainers is made from it too."""

TRAINERS = ("sft", "dpo", "kto", "grpo", "rloo", "reward", "hf")
ADAPTERS = ("none", "lora", "ia3")
CELLS = [(trainer, peft) for trainer in TRAINERS for peft in ADAPTERS]
