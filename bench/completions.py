"""What sampling costs beside TRL's LogCompletionsCallback, on the same prompts in the same training.

    python bench/completions.py

Both answer 32 prompts with 32 tokens, greedy and drawn, in turn. The ratio is of CPU time, which other work on the
machine disturbs least.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

PAIRS, PROMPTS, TOKENS = 7, 32, 32
WAYS = {"greedy": {}, "drawn": {"do_sample": True, "temperature": 0.7}}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        for name, way in WAYS.items():
            trl, ours = turns(trainer(Path(folder) / name, way))
            pairs = sorted(one / other for one, other in zip(ours, trl, strict=True))
            shown = f"{statistics.median(ours) * 1000:.0f} ms beside {statistics.median(trl) * 1000:.0f} ms"
            print(f"{name}: {statistics.median(pairs):.2f} × TRL ({pairs[0]:.2f} to {pairs[-1]:.2f}; {shown} of CPU)")
    return 0


def turns(measured: dict[str, Callable[[], object]]) -> tuple[list[float], list[float]]:
    found: dict[str, list[float]] = {name: [] for name in measured}
    for number in range(PAIRS + 1):
        for name, call in measured.items():
            began = time.process_time()
            call()
            if number:  # the first of each warms up
                found[name].append(time.process_time() - began)
    return found["trl"], found["ours"]


def trainer(folder: Path, way: dict[str, Any]) -> dict[str, Callable[[], object]]:
    """A trainer that has taken a step, and what samples it: TRL's callback, and ours with its file and its hook."""
    import torch
    from datasets import Dataset
    from transformers import AutoTokenizer, GenerationConfig, LlamaConfig, LlamaForCausalLM
    from trl import LogCompletionsCallback, SFTConfig, SFTTrainer

    import callsheet
    from callsheet_plugins.completions import Completions

    torch.set_num_threads(1)
    torch.manual_seed(0)
    demo = str(Path(callsheet.__file__).parents[2] / "conf" / "callsheet_conf" / "demo" / "model")
    tokenizer = AutoTokenizer.from_pretrained(demo)
    sizes = {"hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=1024, eos_token_id=None, **sizes))
    rows = Dataset.from_list([{"prompt": f"{'ab' * (at % 9)} -> ", "completion": "ba"} for at in range(PROMPTS)])
    about = {"max_steps": 1, "use_cpu": True, "bf16": False, "report_to": "none", "disable_tqdm": True}
    made = SFTTrainer(
        model,
        SFTConfig(str(folder), per_device_eval_batch_size=PROMPTS, save_strategy="no", **about),
        train_dataset=rows,
        eval_dataset=rows,
        processing_class=tokenizer,
    )
    generation = {"max_new_tokens": TOKENS, "min_new_tokens": TOKENS, "eos_token_id": 1, "pad_token_id": 0, **way}
    plugin = Completions(freq=10**6, num_prompts=PROMPTS, generation_config=generation)
    callsheet.attach(made, plugin)
    made.train()
    theirs = LogCompletionsCallback(made, GenerationConfig(**generation))
    state, steps = made.callsheet_bridge.session.state, iter(range(2, 10**6))
    kept = Path(state.ctx.run_dir)

    def ours() -> None:
        state.step = next(steps)
        plugin._sample(state, ["eval"])
        assert len((kept / "completions" / f"{state.step}.jsonl").read_text().splitlines()) == PROMPTS

    def trl() -> None:
        theirs._last_logged_step, made.state.eval_steps = -1, 1
        theirs.on_step_end(made.args, made.state, made.control, processing_class=tokenizer)
        assert len(theirs.table) % PROMPTS == 0

    return {"trl": trl, "ours": ours}


if __name__ == "__main__":
    sys.exit(main())
