"""`callsheet outbox …`: see what is not published yet, and get it published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from callsheet.cli.named_run import a_folder, instead
from callsheet.cli.seconds import SECONDS
from callsheet.errors import CallsheetError, did_you_mean
from callsheet.errors import listed as first_of


def _existing(ctx: click.Context, parameter: click.Parameter, run: Path) -> Path:
    try:
        return a_folder(run)
    except CallsheetError as error:
        raise CallsheetError(f"{error}{instead(run)}") from error


RUN = click.argument("run", type=click.Path(path_type=Path, readable=False), callback=_existing)


class _ListingGroup(click.Group):
    """`callsheet outbox RUN` is short for `callsheet outbox list RUN`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["list", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_ListingGroup, short_help="List, drain or retry what a run publishes.")
def outbox() -> None:
    """What a run publishes: entries that are pending, active, parked (left to you), done or failed.

    \b
    callsheet outbox RUN           list them
    callsheet outbox drain RUN     carry out what a dead run left, and announce it
    callsheet outbox retry RUN ID  give a failed entry another chance
    """


@outbox.command(name="list")
@RUN
def listed(run: Path) -> int:
    """Every entry with its state, attempts, age and last error."""
    from callsheet.cli.views import outbox_table

    outbox_table.show(run.absolute())
    try:
        drain = _idle(run.absolute())
    except CallsheetError as error:  # the entries are listed, whatever else is damaged
        raise CallsheetError(f"Whether anybody carries them out is not known: {error}") from error
    if drain:
        click.echo(f"Nobody carries them out: {drain}")
    return 0


def _idle(run: Path) -> str:
    """The command that carries out what is left, if neither the run nor its courier lives; else empty."""
    from callsheet.disk.standing import short
    from callsheet.rundir.rundir import RUN
    from callsheet.session.going_on import shell
    from callsheet.session.status import ENDED, status_of

    if not (run / RUN).is_file():
        return ""
    status = status_of(run)
    idle = status.outbox.get("left") and not status.courier and status.state in ENDED
    return shell("callsheet", "outbox", "drain", short(run)) if idle else ""


@outbox.command(short_help="Carry out what a dead run left.")
@RUN
@click.option("--seconds", type=SECONDS, default=float("inf"), help="Stop waiting after so many; what remains is kept.")
def drain(run: Path, seconds: float) -> int:
    """Carry out what a dead run left, and tell its plugins; exit code 3 when something is still not published."""
    from callsheet.outbox.counts import NOT_ALL_PUBLISHED, gone_of, left_to_you, sentence, unpublished
    from callsheet.session.reopen import drain as drain_run

    counts = drain_run(run.absolute(), seconds)
    if said := left_to_you(counts, run):
        click.echo(said)
    rest, done, gone = "else " if said else "", counts.get("done", 0), gone_of(run.absolute())
    all_done = f"Everything {rest}was carried out: {done} done. {gone}" if gone else ""
    click.echo(sentence(counts, run) or all_done or f"Everything {rest}is published: {done} done.")
    return NOT_ALL_PUBLISHED if unpublished(counts) else 0


@outbox.command(short_help="Give a failed entry another chance.")
@RUN
@click.argument("id")
def retry(run: Path, id: str) -> int:
    """Give a failed entry, named by its id or the start of it, another chance; `all` means all of them.

    An entry that was carried out, and whose result was put aside, is announced again.
    """
    from callsheet.outbox.counts import announce_again, put_aside
    from callsheet.outbox.store import FAILED, EntryStore
    from callsheet.process.streams import work_comes_first
    from callsheet.rundir.rundir import require_run

    work_comes_first()
    store, aside = EntryStore(run.absolute()), put_aside(run.absolute())
    failed = [*sorted(store.ids(FAILED)), *aside]
    exact, near = [name for name in failed if name == id], [name for name in failed if name.startswith(id)]
    chosen = failed if id == "all" else exact or near
    if not failed:
        require_run(run.absolute())
        raise CallsheetError(f"Nothing failed in the outbox of {run}; callsheet outbox {run} lists it.")
    if not chosen:
        raise CallsheetError(f"No failed entry is called {id!r}.{did_you_mean(id, failed)} Failed: {len(failed)}.")
    if len(chosen) > 1 and id != "all":
        raise CallsheetError(f"Several failed entries begin with {id!r}: {', '.join(sorted(chosen))}.")
    try:
        again = store.retry_all(name for name in chosen if name not in aside)
        untold = announce_again(run.absolute(), [name for name in chosen if name in aside])
    except OSError as error:
        from callsheet.disk import os_errors  # which listing plugins, where this file is imported, does without

        raise CallsheetError(f"{os_errors.said(error, run)} What failed is kept.") from error
    if again:
        click.echo(f"{_listed(again)}: pending again. If the run has ended: callsheet outbox drain {run}")
    if untold:
        click.echo(f"{_listed(untold)}: to be announced again, by the next attempt or: callsheet outbox drain {run}")
    return 0


def _listed(ids: Sequence[str]) -> str:
    from callsheet.disk.regular import shown

    names = first_of([shown(Path(id)) for id in ids])
    return names if len(ids) == 1 else f"{len(ids):,} entries ({names})"
