"""The Hydra app behind `callsheet train`, `check` and `explain`: composition, modes, and what an error looks like."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from callsheet.cli.around_hydra.arguments import PRINTING, makes_a_sweep, refuse, without_flags
from callsheet.cli.around_hydra.task import HydraTask, Task, locating
from callsheet.cli.extra_commands import HYDRA as HYDRA
from callsheet.errors import CallsheetError
from callsheet.process.environment import changed_environment

if TYPE_CHECKING:
    from omegaconf import DictConfig

FULL_ERROR = "HYDRA_FULL_ERROR"
LOOKING = ("check", "explain")  # commands that write nothing
NO_LOG: dict[str, Any] = {"version": 1, "root": None, "disable_existing_loggers": False}
NOTHING: dict[str, Any] = {
    **{"run.dir": ".", "output_subdir": None, "sweep.dir": ".", "sweep.subdir": ".", "job.chdir": False},
    **{"job_logging": NO_LOG, "hydra_logging": NO_LOG, "callbacks": {}},
    "launcher": {"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"},
}


def run_app(name: str, task: Task, overrides: Sequence[str], swept: Task | None = None) -> int:
    """Compose `overrides` and call `task` with the result, once or, with -m, once per combination.

    `task` gets the configuration and the overrides that were typed for it, and returns an exit code; the largest is
    returned. With -m, `swept` is called in its place, if there is one: once, with the configuration of all runs.
    Raises `CallsheetError` for what Hydra refuses.
    """
    from callsheet.process.gc_pause import gc_paused

    refuse(name, overrides)
    with gc_paused():  # until the task begins
        job = _compose_and_call(name, task, overrides, swept)
    for outcome in job.outcomes:
        if isinstance(outcome, Exception):
            _raise_plainly(outcome)
    if name in LOOKING and makes_a_sweep(overrides) and not job.outcomes:
        raise CallsheetError("-m makes no run: one of the sweeps has no value, as glob(*) has for what is no option.")
    return max((outcome for outcome in job.outcomes if isinstance(outcome, int)), default=0)


def _compose_and_call(name: str, task: Task, overrides: Sequence[str], swept: Task | None) -> HydraTask:
    import hydra

    from callsheet.config import compose
    from callsheet.config.texts.checking import refuse_unusable
    from callsheet.plugins import locking
    from callsheet.privates.hydra import composing_once, composing_through, sweeping_by

    compose.bind()
    translated, flags = without_flags(compose.translated(overrides))
    locking.hold(compose.lock_in(translated))
    job = HydraTask(task, translated, trains=name == "train")

    def look(config: DictConfig) -> None:
        with locating(config):
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
