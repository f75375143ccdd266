"""Runs a Python program that may take a share of each GPU's memory: `python capped.py SHARE (-m MODULE | FILE) ARGS`.

torch refuses what is above the share as if the GPU had no more. It imports nothing of Callsheet, because the Python is
that of an engine, and torch alone of what is installed there.
"""

import os
import runpy
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def main(share: float, program: list[str]) -> None:
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != HERE]  # lm_eval.py here is not the engine's
    import torch

    for device in range(torch.cuda.device_count()):
        torch.cuda.set_per_process_memory_fraction(share, device)
    is_module, sys.argv = program[0] == "-m", program[program[0] == "-m" :]
    if is_module:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])
