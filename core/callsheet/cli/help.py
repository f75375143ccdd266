"""`--help` of the commands that take overrides: what can be set and chosen, from file names and entry points alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import Field, fields, is_dataclass
from importlib.util import find_spec
from pathlib import Path
from textwrap import fill
from typing import Any

from callsheet.config.schema import Root
from callsheet.plugins import entry_points
from callsheet.plugins.groups import PLUGINS

INTRODUCTIONS = {
    "train": """\
Train a model with the plugins you choose.

  callsheet train recipe=demo
  callsheet train model.path=MODEL dataset.path=data.jsonl 'plugins=[bema,csv_metrics]' plugins.bema.update_freq=100

Exit codes: 0 done, 1 the run failed, 2 your mistake, 3 trained but not all published, 130 and 143 stopped by a signal.
""",
    "check": """\
Find every mistake in a configuration that can be found without loading anything: names, types and ranges of settings,
files and their rows, the run directory and the checkpoint to resume from, devices, and what the plugins check. Needs no
torch and writes nothing. `callsheet train` makes the same checks first.

  callsheet check recipe=demo
  callsheet check model.path=MODEL dataset.path=data.jsonl trainer=dpo peft=lora

Exit codes: 0 nothing wrong was found, 2 something was.
""",
    "experiment": """\
Run the arms of an experiment, with repeats and stages, and say who won and how sure that is. The same command goes on
with it after a kill: arms that have ended stay, those that were interrupted resume from their checkpoint, and the rest
is run.

  callsheet experiment experiment=demo
  callsheet experiment experiment=mine.yaml hydra/launcher=submitit_slurm experiment.workers=8

  --rerun ARM      run this arm again; its old run is moved aside (may be given several times)
  --add-repeats N  N more seeds for every arm

  callsheet experiment status DIR  arms by state, who works on what, and the expected end
  callsheet experiment work DIR    work on its arms, too, on any machine that sees the directory
  callsheet experiment resume DIR  the command again with which it was begun

Overrides are those of every arm; what an arm sets itself wins. A signal lets every worker save a checkpoint and end.
Exit codes: 0 every arm has ended, 1 an arm failed, 2 your mistake, 3 not all published, 130 and 143 after a signal.
""",
    "explain": """\
Say why each plugin is active, from which override or which line of which file every value comes, and in which order the
plugins are called at each hook. Loads and writes nothing.

  callsheet explain recipe=demo plugins.bema.lag=3
""",
}
USAGE = """\
Usage: callsheet {command} [OVERRIDES]

{introduction}
Settings
{settings}
  trainer.args.*   every argument of the trainer's own configuration class
  peft.args.*      every argument of the adapter's own configuration class
  plugins.NAME.*   settings of a selected plugin; plugins=[a,b] selects, +plugins=c adds one
  callbacks.NAME.path=pkg.module.Class, and callbacks.NAME.argument=…: any TrainerCallback
  plugins_lock=FILE  imports no plugin that differs from FILE, which `callsheet plugins lock` writes
  output_dir=      the run directory; resume=auto|never|CHECKPOINT; branch=true; experiment=

Options (group=option)
{options}

Flags
  -m, --multirun   of train: an experiment with an arm for each combination of comma-separated values
  --cfg job        print the configuration instead of running; --package SECTION for a part of it
  --config-dir DIR a folder with recipes and options of your own
  --hydra-help     Hydra's other flags

callsheet train OVERRIDES    train
callsheet check OVERRIDES    find what is wrong before anything is loaded
callsheet explain OVERRIDES  where every value comes from
callsheet experiment         run the arms of an experiment
callsheet plugins            which plugins are installed; callsheet plugins NAME for the manual of one
callsheet runs [DIR]         the runs below a folder; callsheet compare RUN RUN… sets them side by side
callsheet status RUN         whether a run is alive, how it ended, and what goes on
"""


def usage(command: str, arguments: Sequence[str]) -> str:
    """The help page, with the options of every config group, those of a `--config-dir` among them."""
    package = find_spec("callsheet_conf")
    roots = [*map(Path, (package and package.submodule_search_locations) or []), *_config_dirs(arguments)]
    groups: dict[str, set[str]] = {"plugins": set(entry_points.usable(PLUGINS))}
    for file in (file for root in roots for file in root.glob("*/*.yaml") if file.parent.name != "hydra"):
        groups.setdefault(file.parent.name, set()).add(file.stem)
    lines = [f"  {group:16} {', '.join(sorted(options))}" for group, options in sorted(groups.items())]
    introduction = INTRODUCTIONS[command]
    return USAGE.format(
        command=command, introduction=introduction, settings="\n".join(_settings()), options="\n".join(lines)
    )


def _settings() -> Iterator[str]:
    """The sections of the schema with their settings; `.*` stands behind what holds settings of its own."""
    for section in fields(Root):
        if not is_dataclass(kind := section.default_factory):
            continue
        names = [f"{field.name}.*" if _holds_more(field) else field.name for field in fields(kind)]
        yield fill(", ".join(names), 110, initial_indent=f"  {f'{section.name}.*':16} ", subsequent_indent=" " * 19)


def _holds_more(field: Field[Any]) -> bool:
    return str(field.type).startswith("dict[") or "Settings" in str(field.type).partition("[")[0]


def _config_dirs(arguments: Sequence[str]) -> Iterator[Path]:
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if argument in ("--config-dir", "-cd"):
            yield Path(following)
        elif argument.startswith("--config-dir="):
            yield Path(argument.partition("=")[2])
