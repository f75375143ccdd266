"""The arguments of a command before Hydra sees them: its flags, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from callsheet.errors import CallsheetError, did_you_mean

WITH_VALUE = {
    *("--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn"),
    *("--cfg", "-c", "--package", "-p", "--info", "-i", "--experimental-rerun", "--shell-completion", "-sc"),
}
MULTIRUN = {"-m", "--multirun"}
PRINTING = {"--cfg", "-c", "--info", "-i"}
FLAGS = (
    *("--help", "--hydra-help", "--version", "--cfg", "--resolve", "--package", "--run", "--multirun", "--info"),
    *("--shell-completion", "--config-path", "--config-name", "--config-dir", "--experimental-rerun"),
)  # of Hydra 1.3

OWN_FLAGS = {"experiment": ("--rerun", "--add-repeats")}


def refuse(command: str, overrides: Sequence[str]) -> None:
    """Raise `CallsheetError` for what Hydra would take otherwise than it was meant, or explain in words of its own."""
    from callsheet.config.overrides import refuse_secret_names
    from callsheet.secrets import redact_override

    secret = [item for item in overrides if redact_override(item) != item]  # and no message brings them back
    _refuse_to_hand_on(command, secret, overrides)
    refuse_secret_names(overrides)
    _refuse_unknown_flags(command, overrides)
    _refuse_one_place_for_many(overrides)
    _refuse_to_print_many(overrides)
    _refuse_closed_folders(overrides)
    _refuse_endless(overrides)


def without_flags(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The overrides among `arguments`, which Hydra's parser wants in one piece, and Hydra's flags."""
    overrides: list[str] = []
    flags: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        (flags if argument.startswith("-") else overrides).append(argument)
        if argument in WITH_VALUE and (value := next(waiting, None)) is not None:
            flags.append(value)
    return overrides, flags


def _refuse_unknown_flags(command: str, arguments: Sequence[str]) -> None:
    """Hydra would list its own flags to somebody who brings `--max_steps 5` from another command line."""
    typed = (item.partition("=")[0] for item in without_flags(arguments)[1])
    for flag in (item for item in typed if item.startswith("--") and not any(each.startswith(item) for each in FLAGS)):
        from callsheet.config import places

        name = flag.strip("-").replace("-", "_")
        found = " or ".join(f"{place}=…" for place in places.of(name, None))
        near = found or (f"{name}=…" if name in places.SECTIONS else "")
        offer = f" Did you mean {near}?" if near else did_you_mean(flag, [*OWN_FLAGS.get(command, ()), *FLAGS])
        raise CallsheetError(f"callsheet {command} has no flag {flag}.{offer} Settings are typed as key=value.")


def _refuse_one_place_for_many(overrides: Sequence[str]) -> None:
    """The runs of a sweep are folders in one directory, and find their own places in it."""
    place = next((item for item in overrides if item.startswith("output_dir=")), "")
    if makes_a_sweep(overrides) and ("${hydra:" in place or "," in place):
        raise CallsheetError(
            f"{place}: of -m, output_dir is the directory of the whole sweep, and each run is a folder in it. Write it "
            "without commas and without ${hydra:…}, or leave it out."
        )


def _refuse_to_hand_on(command: str, secret: Sequence[str], overrides: Sequence[str]) -> None:
    """An experiment keeps every override, in files that workers and later drivers read."""
    keeps = command == "experiment" or (command == "train" and makes_a_sweep(overrides))
    launcher = next((item for item in overrides if item.lstrip("+").startswith("hydra/launcher=")), "")
    if secret and (keeps or (launcher and not launcher.endswith("=basic"))):
        key, by = secret[0].partition("=")[0], launcher or "an experiment"
        raise CallsheetError(
            f"{key} holds a secret, which {by} would write into files. Set an environment variable to it, and "
            f"write '{key}=${{oc.env:VARIABLE}}'."
        )


def makes_a_sweep(overrides: Sequence[str]) -> bool:
    from callsheet.config.overrides import is_sweep

    return is_sweep(overrides)


def _refuse_endless(overrides: Sequence[str]) -> None:
    from callsheet.config.texts.typed import refuse_endless

    if makes_a_sweep(overrides):
        refuse_endless(overrides)


def _refuse_to_print_many(overrides: Sequence[str]) -> None:
    """Hydra would say which of its flags exclude each other, and not what to do."""
    flags = {item.partition("=")[0] for item in overrides}
    if MULTIRUN & flags and PRINTING & flags:
        flag = next(iter(PRINTING & flags))
        raise CallsheetError(
            f"{flag} prints one configuration, and -m makes several. Leave -m out, and write one value where you wrote "
            "several with commas, to print the configuration of that run."
        )


def _refuse_closed_folders(overrides: Sequence[str]) -> None:
    """Hydra would say that what such a folder holds does not exist."""
    _, flags = without_flags(overrides)
    pairs = [*pairwise(flags), *(flag.split("=", 1) for flag in flags if "=" in flag)]
    for folder in (Path(os.path.expanduser(value)) for flag, value in pairs if flag in ("--config-dir", "-cd")):
        from callsheet.disk import os_errors

        with os_errors.at_door():
            os.listdir(folder)
