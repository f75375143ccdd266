"""By hand, from the folder `tests`: `python -m damage --count 1000 --seed 7`, or one case again: `python -m damage PROBES DAMAGES`."""

from __future__ import annotations

import argparse
import json
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path

from damage import pristine
from damage.box import remove
from damage.trial import Case
from damage.worker import LIGHT, SHARES, Worker, count


def main() -> int:
    options = _parser().parse_args()
    folder = Path(tempfile.mkdtemp(prefix="damage-", dir=options.folder))
    made = options.made or folder / "made"
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda number, _: sys.exit(f"ended by {signal.Signals(number).name}"))
    try:
        if not (made / "run").is_dir():
            pristine.make(made)
        worker = Worker(folder / "box", made, options.deadline)
        return _again(worker, options) if options.probes else _many(worker, options)
    finally:
        remove(folder)


def _again(worker: Worker, options: argparse.Namespace) -> int:
    verdict = worker.judge(Case(json.loads(options.damages), options.probes.split(",")))
    for path in sorted(worker.box.said.iterdir()):
        print(f"--- {path.name}\n{path.read_text(errors='backslashreplace')[:4000]}")
    print(verdict)
    return bool(verdict.wrong)


def _many(worker: Worker, options: argparse.Namespace) -> int:
    """Print a line for each case that went wrong, and one with the counts after every `--every` cases."""
    rows, began, end = [], time.monotonic(), options.first + options.count
    for row in worker.work(
        options.seed,
        range(options.first, end),
        shrinking=not options.whole,
        passing=options.passing.split(","),
        shares=LIGHT if options.light else SHARES,
    ):
        rows.append(row)
        if "wrong" in row:
            print(json.dumps(row), flush=True)
        is_last = row["number"] == end - 1 or 0 < options.seconds < time.monotonic() - began
        if is_last or len(rows) % options.every == 0:
            print(json.dumps({"seed": options.seed, **count(rows), **_times(began)}), flush=True)
        if is_last:
            break
    return any("wrong" in row for row in rows)


def _times(began: float) -> dict[str, int]:
    used = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"seconds": round(time.monotonic() - began), "cpu_seconds": round(used)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("damage", description=__doc__)
    parser.add_argument("probes", nargs="?")
    parser.add_argument("damages", nargs="?")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--deadline", type=float, default=60.0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--made", type=Path)
    parser.add_argument("--whole", action="store_true", help="do not look for the fewest damages that do the same")
    parser.add_argument("--every", type=int, default=1000, help="print the counts after so many cases")
    parser.add_argument("--light", action="store_true", help="call the probes that take long in fewer cases")
    parser.add_argument("--passing", default="", help="kinds of what goes wrong that are not counted")
    return parser


if __name__ == "__main__":
    sys.exit(main())
