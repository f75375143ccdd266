"""How long the command line takes with 101 plugins installed, one of them heavy: `python bench/cli.py`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from timing import command, in_turn, machine

ROUNDS = 11
CLICK, HYDRA = "import click, importlib.metadata", "import hydra"
# What must hold: a command takes at most so many times as long as what it cannot do without.
BOUNDS = {
    "callsheet plugins": (CLICK, 1.5),
    "compose (--cfg job)": (HYDRA, 2.0),
    "full compose (--cfg job)": (HYDRA, 2.0),
}
PLUGIN = '''"""Plugin number {number}."""

{heavy}
from callsheet import LoopState, Plugin, hookimpl, setting


class Plugin{number}(Plugin):
    """Do nothing, for the {number}th time."""

    every: int = setting(10, ge=1, help="How often.")

    @hookimpl
    def on_train_start(self, state: LoopState) -> None:
        return None
'''


def install(folder: Path, number: int) -> None:
    """One distribution with one plugin, as an installer leaves it."""
    module = f"callsheet_bench_{number}"
    heavy = "from transformers import TrainerCallback" if number == 0 else ""
    (folder / f"{module}.py").write_text(PLUGIN.format(number=number, heavy=heavy))
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: callsheet-bench-{number}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[callsheet.plugins]\nbench_{number} = {module}:Plugin{number}\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        for number in range(100):
            install(Path(name), number)
        path = {"PYTHONPATH": name, "PYTHONDONTWRITEBYTECODE": ""}
        callsheet = str(Path(sys.executable).with_name("callsheet"))
        medians = in_turn(
            {
                "python -c pass": command([sys.executable, "-c", "pass"]),
                CLICK: command([sys.executable, "-c", CLICK]),
                HYDRA: command([sys.executable, "-c", HYDRA]),
                "callsheet plugins": command([callsheet, "plugins"], **path),
                "callsheet train --help": command([callsheet, "train", "--help"], **path),
                "compose (--cfg job)": command([callsheet, "train", "--cfg", "job"], **path),
                "full compose (--cfg job)": command([callsheet, "train", "recipe=demo", "--cfg", "job"], **path),
                "callsheet check recipe=demo": command([callsheet, "check", "recipe=demo"], **path),
                "import transformers.Trainer": command([sys.executable, "-c", "from transformers import Trainer"]),
            },
            ROUNDS,
        )
    limit = medians["python -c pass"]
    print(f"101 plugins installed; {machine()}; median of {ROUNDS}; the limit is Python's own start")
    for what, seconds in medians.items():
        print(f"{what:34} {seconds / limit:7.1f} × the limit   {1000 * seconds:8.1f} ms")
    for what, (base, most) in BOUNDS.items():
        print(f"{what:34} {medians[what] / medians[base]:7.2f} × `{base}`, to be at most {most}")


if __name__ == "__main__":
    main()
