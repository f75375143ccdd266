"""`python -m callsheet.tracking RUN PLUGIN`: the process in which a tracker's package is imported and called."""

from __future__ import annotations

import argparse
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from callsheet.disk.inside import Inside
from callsheet.disk.names import file_name
from callsheet.errors import CallsheetError
from callsheet.rundir.locks import Flock, flock
from callsheet.secrets import redact_text
from callsheet.tracking.cursor import FOLDER, CursorFile
from callsheet.tracking.follower import tracked
from callsheet.tracking.follower.following import Following
from callsheet.tracking.follower.orders import Begin, Orders, streams
from callsheet.tracking.follower.reading import Reading
from callsheet.tracking.follower.translating import seconds
from callsheet.tracking.tracker import Tracker

logger = logging.getLogger("callsheet.tracking")

LOOK_SECONDS = 1.0
NICE = 10
PATIENCE_SECONDS = 20.0  # for the follower before, which has a last batch


def main(arguments: Sequence[str] | None = None) -> int:
    """Follow until the run is over, or the courier is gone. What fails is said to the courier, which tries again."""
    options = _parser().parse_args(arguments)
    orders = streams()
    os.nice(NICE)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        follow(options.run.absolute(), orders)
    except CallsheetError as error:  # a mistake of the user's, which time does not mend
        orders.say(failed=redact_text(str(error)), for_good=True)
        return 2
    except ModuleNotFoundError as error:
        orders.say(failed=redact_text(f"{error}."), for_good=True)
        return 2
    except Exception as error:
        logger.warning("", exc_info=True)
        orders.say(failed=redact_text(f"{type(error).__name__}: {error}"), for_good=False)
        return 1
    return 0


def follow(run_dir: Path, orders: Orders) -> None:
    """Send what is new in `run_dir` until the orders say that it is over, or nobody gives them any more."""
    begin = orders.begin()
    plugin = made(begin)
    file = CursorFile(run_dir, begin.tracker)
    with _alone(run_dir, begin.tracker):
        cursor, in_doubt = file.load()
        run = tracked.tracked_run(run_dir, begin.tracker, begin.run_id, cursor)
        cursor.run_id = run.run_id
        sink = plugin.open(run)
        sink.hurries = lambda: orders.finish is not None or orders.is_left
        reading = Reading(run_dir, plugin.names, plugin.max_rows, seconds(run.started, time.time()))
        following = Following(reading, file, sink, cursor, in_doubt)
        following.note_ids()
        orders.say(ids=dict(following.cursor.ids))
        _follow(run_dir, orders, following)


def made(begin: Begin) -> Tracker:
    """The plugin, by its name and settings. Raises `CallsheetError`."""
    from omegaconf import DictConfig, OmegaConf

    from callsheet.config.plan import make_plugins
    from callsheet.plugins.registry import find, structured

    node = OmegaConf.merge(structured(begin.tracker), begin.settings)
    plugin = make_plugins(cast(DictConfig, OmegaConf.create({"plugins": {begin.tracker: node}})))[begin.tracker]
    if not isinstance(plugin, Tracker):
        raise CallsheetError(f"Plugin {begin.tracker!r} from {find(begin.tracker).origin} is no tracker any more.")
    return plugin


def _follow(run_dir: Path, orders: Orders, following: Following) -> None:
    while not orders.is_left:
        status = orders.finish  # asked before the look: all that a run wrote until its end is seen
        if following.step():
            orders.say(sent=following.cursor.sent)
        elif status is not None:
            following.end(status, tracked.summary(run_dir))
            orders.say(ended=status, ids=dict(following.cursor.ids))
            return
        else:
            orders.say(idle=True)
            orders.wait(LOOK_SECONDS)
    following.leave()


@contextmanager
def _alone(run_dir: Path, tracker: str) -> Iterator[None]:
    """Two of one tracker would send the same twice: one that was left by its courier gets a moment to end."""
    inside = Inside(run_dir)
    inside.make(FOLDER)
    descriptor = inside.open(f"{FOLDER}/.{file_name(tracker)}.lock", os.O_RDWR | os.O_CREAT)
    try:
        end = time.monotonic() + PATIENCE_SECONDS
        while flock(descriptor) is Flock.HELD:
            if time.monotonic() > end:
                raise TimeoutError(f"another process sends to {tracker} for {run_dir}")
            time.sleep(0.1)
        yield
    finally:
        os.close(descriptor)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("callsheet.tracking", description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("plugin", help="for who looks at the list of processes")
    return parser
