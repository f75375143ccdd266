"""What carries an entry out: a class that the owner of its kind installs, and that only the courier imports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from callsheet.deprecations import renamed
from callsheet.errors import CallsheetError, did_you_mean
from callsheet.outbox.entries import Entry
from callsheet.outbox.store import ANNOUNCED, EntryStore
from callsheet.plugins import entry_points
from callsheet.plugins.entry_points import Installed
from callsheet.plugins.groups import OUTBOX
from callsheet.rundir.rundir import RunDir


class Transient(Exception):
    """It did not work this time; `retry_after` seconds are what the other side asked for.

    With `counts=False` nothing failed, it is only too early: the wait is no attempt, and nobody is told of an error.
    """

    def __init__(self, reason: str, *, retry_after: float | None = None, counts: bool = True) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.counts = counts


class Permanent(Exception):
    """It will not work until somebody does something: `remedy` says what, in a sentence."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.remedy = remedy


class Parked(Exception):
    """It is in somebody else's hands, whom nobody waits for; `reason` says what to do.

    The entry keeps its files, and is looked at again when the run goes on, or its outbox is drained.
    """


@dataclass(frozen=True)
class Delivery:
    """One attempt at an entry. `files` are the paths of its snapshot, by the names they were put under.

    `progress(done, total)` tells whoever waits; `queued()` are the other entries of this kind that wait, oldest first.
    `run_is_gone()` says whether the process that opened the outbox has closed it, or was killed.
    """

    entry: Entry
    run_dir: Path
    files: Mapping[str, Path] = field(default_factory=dict)
    progress: Callable[[float, float], None] = lambda done, total: None
    queued: Callable[[], list[Entry]] = list
    run_is_gone: Callable[[], bool] = lambda: False

    @property
    def payload(self) -> Mapping[str, Any]:
        return self.entry.payload

    def entries(self, *states: str) -> list[Entry]:
        """The entries of the run, of every kind, in these states: pending, active, parked, done or failed.

        They are read in this order, and move meanwhile: name a state twice where an entry may come back to it.
        """
        return [entry for _, entry in EntryStore(self.run_dir).on(*states)]

    def announced(self) -> set[str]:
        """The ids of the entries whose results the plugins of the run have heard of."""
        return {str(row.get("id")) for row in RunDir(self.run_dir, is_main=False).rows(ANNOUNCED)}


class Handler:
    """Carries out entries of one kind; made once per courier, in a process that must not load torch.

    It is named by an entry point `<kind> = "module:Class"` of the group `callsheet.outbox`. An entry may be delivered
    more than once when a courier is killed, so `deliver` first looks at what is there already. It has time-outs of its
    own on everything it waits for.

    `parallel` entries of its kind are carried out at a time. With `follows`, an entry lasts as long as its run, and
    takes no slot of `outbox.parallel`: its `deliver` returns when the run is over.
    """

    parallel: ClassVar[int] = 1
    follows: ClassVar[bool] = False

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir

    def deliver(self, job: Delivery) -> Mapping[str, Any]:
        """Do it, and return what became of it, as JSON. Raises `Transient`, `Permanent` or `Parked`.

        What the run announces stands under `revision` (the fields of a `Revision`) and `evals`.
        """
        raise NotImplementedError


def installed() -> Mapping[str, Installed]:
    """Who carries out which kind, by the metadata alone."""
    return entry_points.installed(OUTBOX)


def require(kind: str) -> None:
    """Raise LookupError when nothing that is installed carries out entries of `kind`, or two packages claim it."""
    if kind not in installed():
        raise LookupError(
            f"Nothing that is installed carries out outbox entries of kind {kind!r}."
            f"{did_you_mean(kind, installed())} Name a handler in the entry-point group {OUTBOX.key!r}, "
            "and install again."
        )
    if refusal := installed()[kind].refusal:
        raise LookupError(refusal)


def follows(kind: str) -> bool:
    """Whether entries of `kind` last as long as the run; False for a kind that nothing carries out."""
    try:
        require(kind)
        return bool(getattr(entry_points.load(OUTBOX, kind), "follows", False))
    except Exception:  # of somebody else's module: the entry fails with the reason
        return False


def make(kind: str, run_dir: Path) -> Handler:
    """Import the handler of `kind`; raises `Permanent` when that does not work."""
    try:
        require(kind)
    except LookupError as error:
        raise Permanent(str(error)) from error
    remedy = f"Repair or reinstall {installed()[kind].origin}."
    try:
        handler = entry_points.load(OUTBOX, kind)(run_dir)
    except CallsheetError as error:
        raise Permanent(str(error), remedy) from error
    except Exception as error:
        said = f"The handler of kind {kind!r} could not be made: {type(error).__name__}: {error}."
        raise Permanent(said, remedy) from error
    if not isinstance(handler, Handler):
        raise Permanent(f"The handler of kind {kind!r} is no callsheet.outbox.Handler.", remedy)
    return handler


if not TYPE_CHECKING:  # type checkers know no old names

    def __getattr__(name: str) -> Any:
        return renamed(__name__, name)
