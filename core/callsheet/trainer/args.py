"""The arguments of a run's trainer, checked by name, type and choice before anything is imported; see also `ranges`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from callsheet.config.names.renamed import OTHER_NAME
from callsheet.errors import did_you_mean
from callsheet.introspect.arguments import SIMPLE, WORDS, Argument, is_written_number, read_arguments
from callsheet.introspect.classes import find_class, lineage

# What the run decides, and what to set instead.
OWNED = {
    "output_dir": "the run directory is chosen with output_dir=.",
    "resume_from_checkpoint": "say where to go on from with resume=.",
    "hub_token": "it would be stored in clear; set the HF_TOKEN environment variable.",
    "push_to_hub": "Trainer's own push blocks training and uploads training_args.bin; select a plugin that publishes.",
}


def problems(
    args: Mapping[str, Any], config_class: str, section: str = "trainer.args", owned: Mapping[str, str] = OWNED
) -> list[str]:
    """Say what is wrong with `args` as arguments of `config_class`: names, simple types and choices.

    `section` is where they stand in the configuration; `owned` names those that are not for the user to set.
    """
    known = read_arguments(config_class)
    refused = {name: owned[name] for name, value in args.items() if name in owned and value not in (None, False)}
    checked = ((name, _problem(f"{section}.{name}", name, value, known, config_class)) for name, value in args.items())
    return [
        f"{section}.{name} belongs to the run: {refused[name]}" if name in refused else said
        for name, said in checked
        if name in refused or said
    ]


def coerce(args: Mapping[str, Any], config_class: str) -> dict[str, Any]:
    """`args` with numbers where YAML left text: it reads 1e-4 as a string."""
    known = read_arguments(config_class)
    return {
        name: float(value) if name in known and _is_written_number(value, known[name].types) else value
        for name, value in args.items()
    }


def _problem(where: str, name: str, value: Any, known: Mapping[str, Argument], config_class: str) -> str:
    if name not in known:
        if None in lineage(*find_class(config_class)):
            return ""  # A base class is made at run time, and so may be its arguments.
        return f"{config_class} has no argument {name!r}.{_right_name(name, known)} ({where})"
    argument = known[name]
    if argument.types and not _fits(value, argument.types):
        wanted = " or ".join(WORDS[type_] for type_ in sorted(argument.types, key=[*WORDS].index))
        return f"{where} must be {wanted}, got {value!r}."
    if argument.choices and isinstance(value, (str, int, float)) and str(value) not in argument.choices:
        return f"{where} must be one of {', '.join(argument.choices)}, got {value!r}.{_near(value, argument.choices)}"
    return ""


def _right_name(name: str, known: Mapping[str, Argument]) -> str:
    if (other := OTHER_NAME.get(name, "")) in known:
        return f" The installed transformers {version('transformers')} calls it {other!r}."
    return did_you_mean(name, known)


def _near(value: Any, choices: tuple[str, ...]) -> str:
    if value is False and "no" in choices:
        return " YAML reads no as false; write 'no' in quotes."
    return did_you_mean(str(value), choices)


def _fits(value: Any, types: frozenset[str]) -> bool:
    if value is None or isinstance(value, bool):
        return ("None" if value is None else "bool") in types
    return _is_written_number(value, types) or any(isinstance(value, SIMPLE.get(name, ())) for name in types)


def _is_written_number(value: Any, types: frozenset[str]) -> bool:
    return "float" in types and "str" not in types and is_written_number(value)
