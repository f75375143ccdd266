"""What text a setting can hold: names are names, paths can be looked up, and nothing holds what no file can."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from callsheet.config.experiment.reading import OF_ARMS
from callsheet.config.experiment.words import MEANT, WRITTEN
from callsheet.config.texts.paths import kind_of_path
from callsheet.config.texts.typed import LONE, LONGEST_KEY
from callsheet.errors import CallsheetError
from callsheet.screen import quoted

LONGEST_NAME = 255  # bytes, of a file or a folder
LONGEST_PATH = 4095
LONGEST_EXPERIMENT = 200  # bytes of each part, since files get names that begin with it
SIGNS = re.compile(r"[\\$*?\"'<>|&;`]")  # which a shell or a path gives a meaning
# Text of any length and with any line, for a model or for programs of others.
PROSE = ("dataset.system_prompt", "model.chat_template", "experiment.hypothesis", *OF_ARMS)
OF_OTHERS = ("trainer.args", "trainer.rewards", "peft.args", "callbacks", "model.kwargs", "launch.config", "plugins")
UNRESOLVED = "unresolved"
# What OmegaConf says of an interpolation that nothing can mend but its author, and what that means.
NEVER = (
    ("Recursive interpolation", "refers to itself"),
    (r"Unsupported interpolation type (\S+)", "asks for a resolver that there is not: {}; oc.env is one"),
    (r"Interpolation key '(.*?)' not found", "refers to {}, and there is no such setting"),
    (r"Environment variable '(.*?)' not found", "needs the environment variable {}, which is not set"),
)
NAME = "experiment.name"
NEEDED = ("output_dir", "resume", NAME)


def refuse_unusable(config: DictConfig) -> None:
    """Raise one `CallsheetError` for all text in `config` that nothing could be done with.

    What an interpolation does not resolve to, yet or ever, is left to others.
    """
    found = {key: said for key, value in _texts(config) if (said := problem_with(key, value))}
    if NAME in found:
        found.pop("output_dir", None)  # whose name holds it, unless it was given another
    if found:
        raise CallsheetError("\n".join(found.values()))


def problem_with(key: str, value: str) -> str:
    """Why setting `key` cannot have the text `value`, in a sentence; empty if it can."""
    if wrong := _wrong_anywhere(value):
        return f"{_typed(key)}={quoted(value)} {wrong}."
    if key in NEEDED and not value.strip():
        return f"{_typed(key)} is empty. Leave it out for the default, or give it a value."
    if key in PROSE or key.startswith(tuple(f"{name}{sign}" for name in OF_ARMS for sign in ".[")):
        return ""
    if kind_of_path(key) and (wrong := _wrong_with_path(value)):
        return f"{key}={quoted(value)} {wrong}."
    if key.startswith(OF_OTHERS):
        return ""
    if key == NAME and (wrong := _wrong_with_experiment(value)):
        return f"experiment={quoted(value)} {wrong}, and a folder in outputs/ is called so. Write a plain name."
    if not value.isprintable() or len(value) > LONGEST_PATH:
        wrong = "is too long" if value.isprintable() else "holds a sign that is not shown, such as a line break"
        return f"{key}={quoted(value)} {wrong}."
    return ""


def _typed(key: str) -> str:
    """A setting as people name it."""
    return "experiment" if key == NAME else key


def _wrong_anywhere(value: str) -> str:
    if LONE.search(value):
        return "holds bytes that are no UTF-8 text"
    return "holds a NUL, which no file and no program takes" if "\0" in value else ""


def _wrong_with_path(value: str) -> str:
    if value.lstrip()[:1] == "{":
        return ""  # the content of a file in its place
    if not value.isprintable():
        return "is a path with a sign that is not shown, such as a line break"
    if value.startswith("~") and os.path.expanduser(value) == value:
        return f"begins with the home of a user that is not known here: {quoted(value.partition('/')[0])}"
    if len(value.encode()) > LONGEST_PATH:
        return f"is a path of more than {LONGEST_PATH} bytes"
    if any(len(part.encode()) > LONGEST_NAME for part in value.split("/")):
        return f"holds a name of more than {LONGEST_NAME} bytes"
    return ""


def _wrong_with_experiment(value: str) -> str:
    parts = value.split("/")
    if value.startswith(("/", "~")):
        return "is a path"
    if ".." in parts or "." in parts:
        return "leads out of its folder"
    if not all(part.strip() == part != "" for part in parts):
        return "has a part that is empty, or begins or ends with a space"
    if not value.isprintable() or (sign := SIGNS.search(value)):
        return f"holds the sign {sign[0]}" if value.isprintable() and sign else "holds a sign that is not shown"
    if any(part[0] in "-~" for part in parts):
        return "begins with a sign that commands give a meaning"
    if any(len(part.encode()) > LONGEST_EXPERIMENT for part in parts):
        return f"is longer than {LONGEST_EXPERIMENT} bytes"
    return ""


def _texts(config: DictConfig) -> Iterator[tuple[str, str]]:
    """Every text outside of Hydra's own settings, with its key; of interpolations what they resolve to, if they do."""
    for key, value in texts_in(config):
        resolves = "${" in value and not key.startswith(OF_ARMS)
        yield key, _resolved(config, key, value) if resolves else value


def texts_in(config: DictConfig) -> Iterator[tuple[str, str]]:
    """The same as it is written, with ??? for what must be set."""
    written = OmegaConf.to_container(config, resolve=False)
    assert isinstance(written, dict)
    return _inside({name: node for name, node in written.items() if name != "hydra"})


def _resolved(config: DictConfig, key: str, written: str) -> str:
    """What `key` comes to; raises `CallsheetError` where that can never be told, whatever else is set."""
    try:
        return str(OmegaConf.select(config, key))
    except (OmegaConfBaseException, ValueError, RecursionError, KeyError) as error:
        for sign, meaning in NEVER:
            if found := re.search(sign, str(error)):
                said = f"{_typed(key)}={quoted(written.replace(MEANT, WRITTEN))} {meaning.format(*found.groups())}"
                raise CallsheetError(f"{said}.") from error
        return UNRESOLVED


def _inside(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if len(str(key)) > LONGEST_KEY or not str(key).isprintable():
                raise CallsheetError(f"{path or 'The configuration'} has the key {quoted(str(key))}, which is no name.")
            yield from _inside(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for place, item in enumerate(value):
            yield from _inside(item, f"{path}[{place}]")
    elif isinstance(value, (str, Path)):
        yield path, str(value)
