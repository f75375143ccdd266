"""Tab completion: what may follow in a command line of Callsheet, without importing torch or a trainer."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial

import click

from callsheet.cli.around_hydra import arguments as of_commands
from callsheet.cli.completing import candidates, composed_candidates
from callsheet.config.texts.paths import kind_of_path
from callsheet.plugins import entry_points
from callsheet.plugins.groups import COMMANDS
from callsheet.process.streams import stderr_dropped

FLAGS = ("-m", "--multirun", "--cfg", "--config-dir", "--config-name", "--package", "--resolve", "--info", "--help")
PARTS = ("job", "hydra", "all")
ABOUT = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
AFTER_FLAG = {"--cfg": PARTS, "-c": PARTS, "--info": ABOUT, "-i": ABOUT}
FOLDER_FLAGS = ("--config-dir", "-cd", "--config-path", "-cp")
WITH_VALUE = {*AFTER_FLAG, *FOLDER_FLAGS, "--config-name", "-cn", "--package", "-p"}
ACTIONS = ("install=", "uninstall=", "query=")
OUTBOX = ("list", "drain", "retry")
EXPERIMENT = ("status", "work", "resume")
EXPERIMENT_FLAGS = of_commands.OWN_FLAGS["experiment"]
BENCH_FLAGS = ("--benchmarks", "--revision", "--seconds")
OWN_FLAGS = {"outbox": ("--seconds",), "bench": BENCH_FLAGS, "experiment": EXPERIMENT_FLAGS}
# What stands behind commands that are no application of Hydra and come from an entry point: their flags they know.
ARGUMENTS: dict[str, Callable[[str], list[str]]] = {
    "compare": candidates.runs_and_experiments,
    "report": candidates.runs_and_experiments,
    "runs": partial(candidates.paths, folders=True),
    "status": candidates.runs,
}


def complete(arguments: list[str], commands: Sequence[str]) -> int:
    """Answer `-sc install=bash`, `-sc uninstall=bash` and, for the shell, `-sc query=bash`."""
    if not any(argument.startswith(ACTIONS) for argument in arguments):
        print("callsheet: -sc takes install=bash, uninstall=bash or query=bash; also zsh and fish.", file=sys.stderr)
        return 2
    if not any(argument.startswith("query=") for argument in arguments):
        return composed_candidates.ask_hydra(arguments)
    *before, word = os.environ.get("COMP_LINE", "").split(" ")[1:] or [""]
    try:
        with stderr_dropped():
            found = _candidates(_as_a_shell_reads(before), word, commands)
    except Exception:  # such as ~nobody: a shell must not hear of what is wrong with a line that is not finished
        found = []
    print(" ".join(each for each in dict.fromkeys(found) if each.isprintable()))
    return 0


def _as_a_shell_reads(words: Sequence[str]) -> list[str]:
    """The whole words, without quotes; as they stand if a quote is not closed."""
    try:
        return shlex.split(" ".join(words))
    except ValueError:
        return [word for word in words if word]


def _candidates(before: list[str], word: str, commands: Sequence[str]) -> list[str]:
    if not before:
        return [command for command in commands if command.startswith(word)]
    command, words = before[0], before[1:]
    if command == "plugins":
        return _of_plugins(words, word)
    if command in ARGUMENTS:
        return _of_installed(command, words, word)
    if command == "outbox":
        return _of_outbox(words, word)
    if command == "experiment":
        return _of_experiment(words, word)
    if command == "bench":
        return _of_bench(words, word)
    return _of_train(words, word)


def _of_plugins(words: list[str], word: str) -> list[str]:
    """`callsheet plugins NAME` and `callsheet plugins lock FILE`."""
    if not words:
        return [*(["lock"] if "lock".startswith(word) else []), *candidates.parts(word)]
    return candidates.paths(word) if words == ["lock"] else []


def _of_installed(command: str, words: list[str], word: str) -> list[str]:
    """Its flags, or what it takes; nothing for the value of a flag, but for a path."""
    options = [each for each in entry_points.load(COMMANDS, command).params if isinstance(each, click.Option)]
    waiting = next((each for each in options if not each.is_flag and {*words[-1:]} & {*each.opts}), None)
    if waiting:
        return candidates.paths(word) if isinstance(waiting.type, click.Path) else []
    if word.startswith("-"):
        return [flag for option in options for flag in option.opts if flag.startswith(word)]
    return ARGUMENTS[command](word)


def _of_outbox(words: list[str], word: str) -> list[str]:
    """`callsheet outbox RUN`, `… drain RUN` and `… retry RUN ID`."""
    if not words:
        return [*(name for name in OUTBOX if name.startswith(word)), *candidates.runs(word)]
    if words[0] == "retry" and len(words) == 2:
        return candidates.failed_entries(words[1], word)
    return _flags("outbox", word) or (candidates.runs(word) if len(words) == 1 and words[0] in OUTBOX else [])


def _of_experiment(words: list[str], word: str) -> list[str]:
    """`callsheet experiment OVERRIDES`, and `… status|work|resume DIR`."""
    if words and words[0] in EXPERIMENT:
        return candidates.experiments(word)
    if words and words[-1] in EXPERIMENT_FLAGS:
        return []
    named = [name for name in EXPERIMENT if not words and name.startswith(word)]
    return [*named, *_flags("experiment", word), *_of_train(words, word)]


def _of_bench(words: list[str], word: str) -> list[str]:
    """A run, a checkpoint in it or a model folder, then flags and the overrides of `callsheet train`."""
    if words and words[-1] in BENCH_FLAGS:
        return []
    if word.startswith("-"):
        return [*_flags("bench", word), *_of_train([], word)]
    positional = [each for each in words if not each.startswith("-") and "=" not in each]
    if not positional:
        return [*candidates.runs(word), *candidates.paths(word, folders=True)]
    selects = any(each.startswith("plugins=") for each in words)
    return _of_train([*([] if selects else ["plugins=[benchmarks]"]), *words[1:]], word)


def _of_train(words: list[str], word: str) -> list[str]:
    last = words[-1] if words else ""
    if last in FOLDER_FLAGS:
        return candidates.paths(word, folders=True)
    if last in AFTER_FLAG:
        return [choice for choice in AFTER_FLAG[last] if choice.startswith(word)]
    flag, equals, value = word.partition("=")
    if equals and flag in FOLDER_FLAGS:
        return [f"{flag}={path}" for path in candidates.paths(value, folders=True)]
    if word.startswith("-"):
        return [flag for flag in FLAGS if flag.startswith(word)]
    overrides, flags = _parted(words)
    if (elements := _list_elements(word, flags)) is not None:
        return elements
    if found := _paths_of(word):
        return found
    return composed_candidates.settings(overrides, flags, word)


def _parted(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The overrides among `words`, and the flags by which Hydra finds configurations."""
    overrides, flags = [], []
    waiting = iter(words)
    for each in waiting:
        if each in FOLDER_FLAGS and (value := next(waiting, None)):
            flags.append(f"{each}={value}" if each.startswith("--") else f"--config-dir={value}")
        elif each.startswith("--config-"):
            flags.append(each)
        elif each in WITH_VALUE or each in BENCH_FLAGS:
            next(waiting, None)
        elif "=" in each and not each.startswith("-"):
            overrides.append(each)
    return overrides, flags


def _flags(command: str, word: str) -> list[str]:
    return [flag for flag in OWN_FLAGS[command] if word.startswith("-") and flag.startswith(word)]


def _list_elements(word: str, flags: Sequence[str]) -> list[str] | None:
    """How `plugins=[a,b` or `~plugins=a` can go on; None for any other word."""
    match = re.match(r"^('?[+~]?plugins=\[(?:[\w-]+,)*|'?~plugins=)([\w-]*)$", word)
    if not match:
        return None
    start, last = match.groups()
    taken = re.findall(r"[\w-]+", start.partition("[")[2])
    folders = [flag.partition("=")[2] for flag in flags]
    return [f"{start}{name}" for name in candidates.plugins(last, folders) if name not in taken]


def _paths_of(word: str) -> list[str]:
    """How the path in `dataset.path=da` can go on; empty for a setting that is none."""
    key, equals, value = word.partition("=")
    kind = kind_of_path(key.lstrip("+")) if equals else ""
    if not kind:
        return []
    found = candidates.paths(value, folders=kind == "folder")
    words = [each for each in ("auto", "never") if key == "resume" and each.startswith(value)]
    return [f"{key}={each}" for each in (*words, *found)]
