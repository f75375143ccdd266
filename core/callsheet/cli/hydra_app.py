"""The Hydra app behind `callsheet train`, `check` and `explain`: composition, modes, and what an error looks like."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from callsheet.cli.extra_commands import HYDRA as HYDRA
from callsheet.distributed.world import world
from callsheet.errors import CallsheetError, did_you_mean
from callsheet.process.environment import changed_environment

if TYPE_CHECKING:
    import logging

    from omegaconf import DictConfig

FULL_ERROR = "HYDRA_FULL_ERROR"
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
LOOKING = ("check", "explain")  # commands that write nothing
NO_LOG: dict[str, Any] = {"version": 1, "root": None, "disable_existing_loggers": False}
NOTHING: dict[str, Any] = {
    **{"run.dir": ".", "output_subdir": None, "sweep.dir": ".", "sweep.subdir": ".", "job.chdir": False},
    **{"job_logging": NO_LOG, "hydra_logging": NO_LOG, "callbacks": {}},
    "launcher": {"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"},
}

Task = Callable[["DictConfig", list[str]], int]


class HydraTask:
    """What Hydra calls, once per run. A launcher such as submitit's may pickle it and call it in another process."""

    def __init__(self, task: Task, typed: Sequence[str], *, trains: bool = False) -> None:
        self.task, self.typed = task, [*typed]  # the overrides, without flags
        self.trains = trains
        self.process = os.getpid()
        self.outcomes: list[int | Exception] = []
        self.started = False

    def __call__(self, config: DictConfig) -> int:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        from callsheet.distributed.slurm import join_slurm
        from callsheet.process import gc_pause, logs

        gc_pause.resume()
        if self.trains:  # before anything is said: one rank says it
            join_slurm(os.environ, int(config.launch.nodes), config.launch.processes)
        self.started = True
        chosen = HydraConfig.get()
        logs.show()  # Hydra has set up logging by now
        in_sweep = chosen.mode == RunMode.MULTIRUN
        try:
            if in_sweep:
                self._say_which(chosen.job.num, chosen.overrides.task)
            code = self.task(config, self._meant(config))
        except Exception as error:
            if os.getpid() != self.process:
                raise  # only Hydra can carry it home
            error = _located(error)
            if in_sweep:
                _logger().error("Run %s of the sweep failed: %s", chosen.job.num, _in_a_line(error))
            self.outcomes.append(error)  # kept from Hydra, which would announce it in words of its own
            return 1
        self.outcomes.append(code)
        return code

    def sweep(self, swept: Task, config: DictConfig) -> None:
        """What Hydra calls for a sweep as a whole: `swept` gets what was typed, in Hydra's words."""
        from callsheet.process import gc_pause, logs

        gc_pause.resume()
        self.started = True
        logs.show()
        try:
            self.outcomes.append(swept(config, self.typed))
        except Exception as error:
            self.outcomes.append(_located(error))  # kept from Hydra, as above

    def _meant(self, config: DictConfig) -> list[str]:
        """The overrides that mean something to this run; what is idle is refused, or said."""
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        from callsheet.config.origins import overruled_presets
        from callsheet.config.overrides import shown_secrets
        from callsheet.config.sweeps import meant_for, refuse_idle_removal

        chosen = HydraConfig.get()
        overrides, name = list(map(str, chosen.overrides.task)), str(chosen.job.config_name)
        if world().is_driven:
            return overrides  # its driver has looked already
        for said in (*overruled_presets(), *shown_secrets(self.typed)) if world().is_main else ():
            _logger().warning("%s", said)
        if chosen.mode == RunMode.MULTIRUN:
            return meant_for(overrides, self.typed, lambda: config, name)
        refuse_idle_removal(overrides, name)
        return overrides

    def _say_which(self, number: int, overrides: Sequence[str]) -> None:
        """Say what is special about this run of the sweep."""
        from callsheet.config.sweeps import differing
        from callsheet.secrets import redact_override

        own = (redact_override(f"{key}={value}") for key, value in differing(overrides, self.typed).items())
        _logger().info("Run %s of the sweep: %s", number, " ".join(own))


@contextmanager
def _locating(config: DictConfig) -> Iterator[None]:
    """Say in which file and line the settings stand that are refused before Hydra knows `config` as this run's."""
    from hydra.core.hydra_config import HydraConfig

    known, before = HydraConfig.instance(), HydraConfig.instance().cfg
    try:
        yield
    except CallsheetError as error:
        known.set_config(config)
        raise _located(error) from error
    finally:
        known.cfg = before


def _located(error: Exception) -> Exception:
    """The same mistake, with the file and line of each setting that it names."""
    from callsheet.config.origins import located

    if type(error) is not CallsheetError or world().is_driven or (said := located(str(error))) == str(error):
        return error
    made = CallsheetError(said).with_traceback(error.__traceback__)
    made.__cause__, made.__dict__ = error.__cause__, error.__dict__
    return made


def run_app(name: str, task: Task, overrides: Sequence[str], swept: Task | None = None) -> int:
    """Compose `overrides` and call `task` with the result, once or, with -m, once per combination.

    `task` gets the configuration and the overrides that were typed for it, and returns an exit code; the largest is
    returned. With -m, `swept` is called in its place, if there is one: once, with the configuration of all runs.
    Raises `CallsheetError` for what Hydra refuses.
    """
    from callsheet.config.overrides import refuse_secret_names
    from callsheet.process.gc_pause import gc_paused
    from callsheet.secrets import redact_override

    secret = [item for item in overrides if redact_override(item) != item]  # and no message brings them back
    _refuse_to_hand_on(name, secret, overrides)
    refuse_secret_names(overrides)
    _refuse_unknown_flags(name, overrides)
    _refuse_one_place_for_many(overrides)
    _refuse_to_print_many(overrides)
    _refuse_closed_folders(overrides)
    _refuse_endless(overrides)
    with gc_paused():  # until the task begins
        job = _compose_and_call(name, task, overrides, swept)
    for outcome in job.outcomes:
        if isinstance(outcome, Exception):
            _raise_plainly(outcome)
    if name in LOOKING and _is_sweep(overrides) and not job.outcomes:
        raise CallsheetError("-m makes no run: one of the sweeps has no value, as glob(*) has for what is no option.")
    return max((outcome for outcome in job.outcomes if isinstance(outcome, int)), default=0)


def _compose_and_call(name: str, task: Task, overrides: Sequence[str], swept: Task | None) -> HydraTask:
    import hydra

    from callsheet.config import compose
    from callsheet.config.texts.checking import refuse_unusable
    from callsheet.plugins import locking
    from callsheet.privates.hydra import composing_once, composing_through, sweeping_by

    compose.bind()
    translated, flags = _without_flags(compose.translated(overrides))
    locking.hold(compose.lock_in(translated))
    job = HydraTask(task, translated, trains=name == "train")

    def look(config: DictConfig) -> None:
        with _locating(config):
            refuse_unusable(config)
        if name in LOOKING:
            leave_nothing(config)

    app = hydra.main(
        version_base=compose.VERSION_BASE, config_path=f"pkg://{compose.CONFIG_MODULE}", config_name="config"
    )
    try:
        with (
            compose.files_read_our_way(),
            composing_once(compose.SOURCES),
            composing_through(look),
            sweeping_by(partial(job.sweep, swept) if swept else None),
            as_typed([f"callsheet {name}", *translated, *flags]),
            _printed_without_secrets([*translated, *flags]),
        ):
            app(job)()
    except Exception as error:
        _raise_plainly(error, composing=not job.started)
    return job


def leave_nothing(config: DictConfig) -> None:
    """Let Hydra make no folder, write no file and start no job of its own, whatever `config` says."""
    from omegaconf import OmegaConf, open_dict

    with open_dict(config):
        for key, value in NOTHING.items():
            OmegaConf.update(config, f"hydra.{key}", value, merge=False)


@contextmanager
def as_typed(arguments: list[str]) -> Iterator[None]:
    """Let Hydra, which reads both of the process, find these arguments, and raise instead of printing and exiting."""
    argv, sys.argv = sys.argv, arguments
    try:
        with changed_environment({FULL_ERROR: "1"}), _refusing_flags_plainly():
            yield
    finally:
        sys.argv = argv


@contextmanager
def _refusing_flags_plainly() -> Iterator[None]:
    """Have the parser of Hydra's flags raise, where it would print all of them and exit."""
    import argparse

    error, reads = argparse.ArgumentParser.error, sys.argv

    def refuse(parser: argparse.ArgumentParser, message: str) -> NoReturn:
        if sys.argv is reads and parser.prog == Path(reads[0]).name:
            raise CallsheetError(f"{message[:1].upper()}{message[1:]}. See {parser.prog} --help")
        error(parser, message)

    argparse.ArgumentParser.error = refuse  # type: ignore[method-assign, assignment]  # `self` has another name
    try:
        yield
    finally:
        argparse.ArgumentParser.error = error  # type: ignore[method-assign]


def _logger() -> logging.Logger:
    import logging  # which listing plugins does without

    return logging.getLogger("callsheet")


def _in_a_line(error: Exception) -> str:
    from callsheet.config.hydra_errors import plain
    from callsheet.secrets import redact_text

    said = plain(error)
    kind = "" if isinstance(said, CallsheetError) else f"{type(said).__name__}: "
    return redact_text(" ".join([f"{kind}{said}", *getattr(said, "__notes__", ())]))


def _without_flags(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
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
    typed = (item.partition("=")[0] for item in _without_flags(arguments)[1])
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
    if _is_sweep(overrides) and ("${hydra:" in place or "," in place):
        raise CallsheetError(
            f"{place}: of -m, output_dir is the directory of the whole sweep, and each run is a folder in it. Write it "
            "without commas and without ${hydra:…}, or leave it out."
        )


def _refuse_to_hand_on(command: str, secret: Sequence[str], overrides: Sequence[str]) -> None:
    """An experiment keeps every override, in files that workers and later drivers read."""
    keeps = command == "experiment" or (command == "train" and _is_sweep(overrides))
    launcher = next((item for item in overrides if item.lstrip("+").startswith("hydra/launcher=")), "")
    if secret and (keeps or (launcher and not launcher.endswith("=basic"))):
        key, by = secret[0].partition("=")[0], launcher or "an experiment"
        raise CallsheetError(
            f"{key} holds a secret, which {by} would write into files. Set an environment variable to it, and "
            f"write '{key}=${{oc.env:VARIABLE}}'."
        )


def _is_sweep(overrides: Sequence[str]) -> bool:
    from callsheet.config.overrides import is_sweep

    return is_sweep(overrides)


def _refuse_endless(overrides: Sequence[str]) -> None:
    from callsheet.config.texts.typed import refuse_endless

    if _is_sweep(overrides):
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
    _, flags = _without_flags(overrides)
    pairs = [*pairwise(flags), *(flag.split("=", 1) for flag in flags if "=" in flag)]
    for folder in (Path(os.path.expanduser(value)) for flag, value in pairs if flag in ("--config-dir", "-cd")):
        from callsheet.disk import os_errors

        with os_errors.at_door():
            os.listdir(folder)


@contextmanager
def _printed_without_secrets(arguments: Sequence[str]) -> Iterator[None]:
    """Hide secrets in what Hydra prints in place of running, by --cfg and --info."""
    if not PRINTING & {item.partition("=")[0] for item in arguments}:
        yield
        return
    from contextlib import redirect_stdout
    from io import StringIO

    from callsheet.secrets import redact_yaml

    try:
        with redirect_stdout(printed := StringIO()):
            yield
    finally:
        print(redact_yaml(printed.getvalue()), end="")


def _raise_plainly(error: Exception, *, composing: bool = False) -> NoReturn:
    from callsheet.config.hydra_errors import plain

    said = plain(error)
    if said is not error:
        raise said from error
    if composing and not isinstance(
        error, CallsheetError
    ):  # what is left is Hydra stumbling over a value or a file, which is nobody's program
        raise CallsheetError(f"The configuration cannot be composed: {type(error).__name__}: {error}") from error
    raise error  # from itself, it would lose what it was raised from
