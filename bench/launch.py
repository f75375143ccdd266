"""From the command to the end of the first step: Callsheet beside the plain TRL script that does the same.

`python bench/launch.py [ROUNDS]`: on one process and on two, the commands taking turns, so that a slow moment of the
machine hits both alike.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 7
MARK = """
import os, time
from transformers import TrainerCallback


class Mark(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        if state.is_world_process_zero and state.global_step == 1:
            open(os.environ["MARK"], "w").write(str(time.time()))
"""
PLAIN = """
import sys, torch
torch.set_num_threads(1)
from datasets import load_dataset
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, set_seed
from trl import SFTConfig, SFTTrainer
from mark import Mark

folder, output = sys.argv[1:]
args = SFTConfig(
    output_dir=output, report_to="none", use_cpu=True, bf16=False, activation_checkpointing=False, max_steps=1,
    per_device_train_batch_size=64, learning_rate=3e-3, max_length=64, save_strategy="no", eval_strategy="no", seed=0,
)
data = load_dataset("json", data_files=f"{folder}/train.jsonl", split="train")
set_seed(0)
tokenizer = AutoTokenizer.from_pretrained(f"{folder}/model")
model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(f"{folder}/model"), dtype=torch.float32)
trainer = SFTTrainer(model=model, args=args, train_dataset=data, processing_class=tokenizer, callbacks=[Mark()])
trainer.train()
trainer.save_model()
"""
OURS = [
    "-m", "callsheet", "train", "recipe=demo", "plugins=[]", "trainer.args.max_steps=1",
    "trainer.args.save_strategy=no", "trainer.args.eval_strategy=no", "dataset.eval_path=null",
    "callbacks.mark.path=mark.Mark",
]  # fmt: skip
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]


def seconds(command: list[str], folder: Path) -> float:
    """From starting `command` until the mark that its first step leaves."""
    mark = folder / "mark.txt"
    mark.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "MARK": str(mark),
        "PYTHONPATH": str(folder),
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    began = time.time()
    # The plain script dies at its exit now and then, in the destructors of gloo's threads; its first step was taken.
    subprocess.run([sys.executable, *command], cwd=folder, env=environment, check=False, capture_output=True)
    return float(mark.read_text()) - began


def main() -> None:
    from callsheet_conf import __file__ as conf

    demo = str(Path(str(conf)).parent / "demo")
    table = Table("to the first step", "Callsheet", "plain TRL", "ratio", "ratio, quartiles")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mark.py").write_text(MARK)
        (folder / "plain.py").write_text(PLAIN)
        pairs = {
            "one process": (OURS, ["plain.py", demo]),
            "DDP, two processes": ([*OURS, "launch=ddp", "launch.processes=2"], [*TORCHRUN, "plain.py", demo]),
        }
        for what, (ours, plain) in pairs.items():
            taken: list[tuple[float, float]] = []
            for number in range(ROUNDS + 1):  # the first warms the disk cache
                first = seconds([*ours, f"output_dir={folder}/ours-{number}-{len(ours)}"], folder)
                taken.append((first, seconds([*plain, f"{folder}/plain-{number}-{len(ours)}"], folder)))
            ratios = [first / second for first, second in taken[1:]]
            quartiles = statistics.quantiles(ratios, n=4)
            table.add_row(
                what, f"{statistics.median(first for first, _ in taken[1:]):.2f} s",
                f"{statistics.median(second for _, second in taken[1:]):.2f} s", f"{statistics.median(ratios):.3f}",
                f"{quartiles[0]:.3f} to {quartiles[2]:.3f}",
            )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
