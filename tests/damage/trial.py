"""One case: damage a copy of the run, call a probe on it in a fork, and judge what came of it."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shlex
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from damage import box as boxes
from damage import probes
from damage.box import SECRET, Box, Print
from damage.confined import confine
from damage.damages import Damage, apply

PR_SET_CHILD_SUBREAPER = 36
WAITS = 5  # times the seconds of CPU that a probe gets: the machine may be slow, and a drain sleeps
CODES = (0, 2, 3)
SCREEN_LINES, SCREEN_CHARACTERS = 60, 16_000
LONG = ("explain",)  # it prints every value, a line each
STATES = ("pending", "active", "parked", "done", "failed")
LARGEST = 64 << 20  # bytes; a damage that swells a file swells its other hard links, too
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass
class Case:
    """Damages, and the probes that are called on what they leave, each after the one before."""

    damages: list[Damage]
    names: Sequence[str]

    def line(self) -> str:
        return f"python -m damage {','.join(self.names)} {shlex.quote(json.dumps(self.damages))}"


Call = Callable[[Case, Box, float], str]


@dataclass
class Verdict:
    """`wrong` is what must never be, by its kind; `codes` are the exit codes by probe."""

    done: list[Damage]
    codes: dict[str, int] = field(default_factory=dict)
    wrong: list[tuple[str, str]] = field(default_factory=list)


def adopt_orphans() -> None:
    """Become the parent of whatever a probe leaves behind, to find it."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def trial(case: Case, box: Box, deadline: float, call: Call | None = None) -> Verdict:
    """Do the case in `box`, and judge it; `call` calls its probes otherwise than in a fork of this process."""
    box.fill()
    for path in box.said.iterdir():
        path.unlink()
    verdict = Verdict(apply(box.run, box.outside, case.damages))
    before, held = box.print(), _kept(box.run, verdict.done)
    hung = (call or _call)(case, box, deadline)
    _judge(case, box, verdict, hung)
    if (after := box.print()) != before:
        verdict.wrong.append(("outside", ", ".join(_changes(before, after))))
    if lost := sorted(name for name, content in held.items() if content not in _found(box.run, name)):
        verdict.wrong.append(("lost", ", ".join(lost)[:300]))
    verdict.wrong += _entries(box.run, case, verdict.done, box)
    return verdict


def _call(case: Case, box: Box, deadline: float) -> str:
    """Call the probes in a fork, for `deadline` seconds of CPU; returns which one was at work when time was up, if any."""
    child = os.fork()
    if not child:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            confine(int(deadline))
            probes.call(case.names, box)
            probes.end()
        finally:
            os._exit(0)
    end = time.monotonic() + WAITS * deadline
    while not os.waitpid(child, os.WNOHANG)[0]:
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            _end_orphans()
            return _at_work(case, box)
        time.sleep(0.002)
    _end_orphans()
    return ""


def _end_orphans() -> None:
    """Couriers go on after a drain whose time is up, and end with their pipe; here they end at once."""
    while children := _children():
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def _at_work(case: Case, box: Box) -> str:
    ended = len(_reports(box))
    return case.names[min(ended, len(case.names) - 1)]


def _reports(box: Box) -> list[dict[str, object]]:
    path = box.said / "report"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _judge(case: Case, box: Box, verdict: Verdict, hung: str) -> None:
    reports = _reports(box)
    verdict.codes = {str(report["probe"]): int(str(report["code"])) for report in reports}
    if hung:
        verdict.wrong.append(("hung", hung))
    elif missing := [name for name in case.names if name not in verdict.codes]:
        verdict.wrong.append(("died", missing[0]))
    for report in reports:
        if report["code"] not in CODES:
            verdict.wrong.append(("code", f"{report['probe']}: {report['code']}"))
        if report["open"]:
            verdict.wrong.append(("open", f"{report['probe']}: {report['open']}"))
    for name in case.names:
        if (box.said / name).exists():
            verdict.wrong += [
                (kind, f"{name}: {said}") for kind, said in _of_output(name, (box.said / name).read_bytes())
            ]
    if (box.said / "couriers").exists():
        for line in (box.said / "couriers").read_text(encoding="utf-8").splitlines():
            if json.loads(line) not in (0, 1, 4):  # 1 after a sentence; a crash is written as its traceback
                verdict.wrong.append(("courier", str(json.loads(line))[-1500:]))


def _of_output(name: str, said: bytes) -> Iterator[tuple[str, str]]:
    text = said.decode(errors="replace")
    if "Traceback (most recent call last)" in text or "Exception ignored" in text:
        yield "traceback", _end_of_trace(text)
    if name not in LONG and (text.count("\n") > SCREEN_LINES or len(text) > SCREEN_CHARACTERS):
        yield "screen", f"{text.count(chr(10))} lines, {len(text)} characters: {text[:100]}"
    if SECRET in text:
        yield "leak", text[:200]
    if found := CONTROL.search(text.replace("\r\n", "\n")):
        yield "control", repr(text[max(0, found.start() - 80) : found.end() + 20])


def _end_of_trace(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    frames = [line.strip() for line in lines if line.strip().startswith('File "')]
    ours = [frame for frame in frames if "/callsheet" in frame]
    said = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Interrupt|Exit)\b", line)]
    return f"{(said or lines)[-1][:200]} | {' < '.join(frame[-90:] for frame in ours[-3:][::-1])}"


def _changes(before: Print, after: Print) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            how = "appeared" if name not in before else "vanished" if name not in after else "changed"
            yield f"{name} {how}"


# What was whole stays whole: checkpoints, and the entries of the outbox.


def _kept(run: Path, damages: list[Damage]) -> dict[str, bytes]:
    """The content of each file of a checkpoint that nothing was done to."""
    touched = [str(place) for damage in damages for place in _places(damage)]
    names = [path for folder in run.glob("checkpoint-[36]") for path in _files(folder)]
    kept = {}
    for path in names:
        name = str(path.relative_to(run))
        is_touched = any(name == place or name.startswith(f"{place}/") or not place for place in touched)
        if not is_touched and path.stat().st_size <= LARGEST:
            kept[name] = path.read_bytes()
    return kept


def _places(damage: Damage) -> tuple[object, ...]:
    return (damage[1], damage[2]) if damage[0] == "swap" else (damage[1],)


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_symlink():
        return
    for where, _, files in os.walk(folder):
        for name in files:
            path = Path(where, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _found(run: Path, name: str) -> list[bytes]:
    """What lies there by now, or where torn checkpoints are moved."""
    places = [run / name, *run.glob(f"torn/{name.partition('/')[0]}*/{name.partition('/')[2]}")]
    return [path.read_bytes() for path in places if path.is_file() and path.stat().st_size <= LARGEST]


def _entries(run: Path, case: Case, damages: list[Damage], box: Box) -> list[tuple[str, str]]:
    """An entry that nothing was done to lies in one state, and nowhere else."""
    touched = [str(place) for damage in damages for place in _places(damage)]
    if any(place in ("", "outbox") or place == f"outbox/{state}" for place in touched for state in STATES):
        return []
    wrong = []
    for name in box.image.files:
        if (
            not name.startswith(tuple(f"outbox/{state}/" for state in STATES))
            or name in touched
            or not name.endswith(".json")
        ):
            continue
        found = [state for state in STATES if (run / "outbox" / state / name.rpartition("/")[2]).exists()]
        if len(found) != 1:
            wrong.append(("duplicated" if found else "lost", f"{name} lies in {found}"))
    return wrong


def leaked(run: Path) -> list[str]:
    """Files of the run that hold what stands outside of it."""
    return [str(path) for path in _files(run) if SECRET.encode() in path.read_bytes()]


__all__ = ["Case", "Verdict", "adopt_orphans", "boxes", "leaked", "trial"]
