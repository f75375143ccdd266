"""What is asked of a damaged run: the commands, in a process of their own, each as somebody would type it."""

from __future__ import annotations

import gc
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from damage.box import Box
from damage.pristine import STEPS, TRAIN

AGAIN = [item for item in TRAIN if "max_steps" not in item] + [
    f"trainer.args.max_steps={STEPS + 2}",
    "outbox.deadline_seconds=0",
]
COMMANDS = {
    "status": ["status", "{run}"],
    "json": ["status", "--json", "{run}"],
    "runs": ["runs", "{run}"],
    "rows": ["runs", "{run}", "--json"],
    "compare": ["compare", "twin", "{run}"],
    "list": ["outbox", "list", "{run}"],
    "retry": ["outbox", "retry", "{run}", "all"],
    "resume": ["resume-until-it-trains", "output_dir={run}"],
    "drain": ["outbox", "drain", "{run}", "--seconds", "0.5"],
    "bench": ["bench", "{run}", "--seconds", "0.5"],
    "check": ["check", *AGAIN, "output_dir={run}"],
    "explain": ["explain", *AGAIN, "output_dir={run}"],
}


class NotTrained(Exception):
    """It was to begin; what follows reads nothing of the run directory but the checkpoint."""


def call(names: Sequence[str], box: Box) -> None:
    """Call these, one after the other, in this process; what they leave is written down as it comes."""
    from callsheet.process.exit import code_of

    os.chdir(box.cwd)
    os.environ.update({"HOME": str(box.home), "TMPDIR": str(box.tmp), "COLUMNS": "200"})
    report = os.open(box.said / "report", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    for name in names:
        _speak_into(box.said / name)
        arguments = [item.replace("{run}", str(box.run)) for item in COMMANDS[name]]
        before = _open()
        code = code_of(lambda arguments=arguments: _main(arguments))
        sys.stdout.flush()
        sys.stderr.flush()
        gc.collect(0)
        left = sorted(_open() - before) if name not in ("resume",) else []
        os.write(report, f"{json.dumps({'probe': name, 'code': code, 'open': left})}\n".encode())


def end() -> None:
    """What Python does at its end, but for the destructors: temporary folders go."""
    from callsheet.privates.python import run_exit_functions

    run_exit_functions()


def _main(arguments: list[str]) -> None:
    from callsheet.cli.main import main

    sys.argv = ["callsheet", *arguments]
    main()


def _speak_into(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def _open() -> set[str]:
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")
        except OSError:  # it was the folder itself
            continue
    return found


def prepare(box: Box) -> None:
    """Compose once what a resumed run composes: all cases have the same command, and only the directory differs."""
    from callsheet.cli.main import cli

    plan = _plan(box)

    @click.command(name="resume-until-it-trains")
    @click.argument("overrides", nargs=-1)  # what was typed, which errors go by
    def resume(overrides: tuple[str, ...]) -> int:
        return _resume(plan)

    cli.add_command(resume)


def _plan(box: Box) -> object:
    from callsheet.cli.hydra_app import run_app
    from callsheet.config.plan import make_plan

    made: list[object] = []

    def task(config: object, overrides: list[str]) -> int:
        made.append(make_plan(config, overrides))
        return 0

    where = os.getcwd()
    os.chdir(box.cwd)
    try:
        run_app("check", task, [*AGAIN, f"output_dir={box.run}"])
    finally:
        os.chdir(where)
    return made[0]


def _resume(plan: object) -> int:
    """All that `callsheet train` reads of a run directory before the first weight is loaded, as `run.train` does it."""
    from callsheet.outbox.counts import NOT_ALL_PUBLISHED, counts_of
    from callsheet.preflight import run_folder
    from callsheet.preflight.preflight import context, require
    from callsheet.process.signals import watched
    from callsheet.records import PreflightReport
    from callsheet.run import resume
    from callsheet.run.train import warned
    from callsheet.session.session import Session
    from callsheet.session.status import attempts_of, where_it_lies

    if resume.is_complete(plan):
        click.echo("complete")
        return 0
    attempts = attempts_of(plan.run_dir)
    problems, warnings = run_folder.check(plan)
    require(warned(PreflightReport(problems, warnings)))
    try:
        with watched() as signals:
            session = Session(context(plan), plan.plugins, signals=signals, outbox=plan.outbox, overrides=[])
            with session:
                row = resume.checkpoint_of(plan, session)
                click.echo(f"It would go on from {row.name if row else 'nothing'}.")
                raise NotTrained
    except NotTrained:
        click.echo(where_it_lies(plan.run_dir, attempts))
    return NOT_ALL_PUBLISHED if counts_of(plan.run_dir).get("left") else 0


def couriers(box: Box) -> Callable[[list[str]], int]:
    """The courier's program, which also says how it ended: nobody else waits for it."""

    def main(arguments: list[str]) -> int:
        from callsheet.outbox.courier.main import main

        code: object = "crashed"
        try:
            code = main(arguments)
        except BaseException as error:
            code = f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
            raise
        finally:
            with (box.said / "couriers").open("a", encoding="utf-8", errors="replace") as file:
                file.write(f"{json.dumps(code)}\n")
        return int(code)

    return main
