"""A process that does one case after the other: warm, and with nothing heavy loaded."""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random

from damage import chosen, forked, probes
from damage.box import Box, Image
from damage.trial import Case, Verdict, adopt_orphans, trial

CHEAP = ("status", "json", "list", "retry", "list")
OF_THE_REPORT = ("runs", "rows", "compare")
HEAVY = ("resume", "drain", "bench", "check", "explain", "status")
SHARES = (15, 5, 1.5, 1, 0.5, 77)
LIGHT = (6, 0.5, 0.2, 0.2, 0.1, 93)  # for a hundred thousand


def case(seed: int, number: int, image: Image, shares: Sequence[float] = SHARES) -> Case:
    """The case that these two numbers stand for, in this run; the heavy probes are called in these shares."""
    damages = chosen.damages(seed, number, sorted(image.files), image.folders)
    random = Random(f"probe {seed}:{number}")
    heavy = random.choices(HEAVY, shares)[0]
    first = [*CHEAP[:3], heavy] if random.random() < 0.5 else [heavy]
    then = CHEAP[3:] if random.random() < 0.3 else ()
    reported = OF_THE_REPORT if random.random() < 0.2 else ()
    return Case(damages, list(dict.fromkeys([*reported, *first, *then])))


class Worker:
    """Its box lies in `folder`; `made` is where `pristine` made the run."""

    def __init__(self, folder: Path, made: Path, deadline: float = 60.0) -> None:
        self.image = Image(made / "run")
        self.box = Box(folder, self.image, made)
        self.deadline = deadline
        adopt_orphans()
        self.box.fill()
        probes.prepare(self.box)
        self._load()
        forked.fork({"callsheet.outbox.courier": probes.couriers(self.box)})

    def _load(self) -> None:
        """Import here what each probe would import by itself."""
        reading, writing = os.pipe()
        if not os.fork():
            try:
                os.chdir(self.box.cwd)
                for name in (*HEAVY, *OF_THE_REPORT):
                    os.close(reading) if name == HEAVY[0] else None
                    probes.call([name], self.box)
                os.write(writing, json.dumps([*sys.modules]).encode())
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as said:
            names = json.loads(said.read() or "[]")
        os.wait()
        assert "torch" not in names, "a probe loads torch"
        for name in ["callsheet.outbox.courier.main", *names]:
            try:
                importlib.import_module(name)
            except Exception:  # some modules are no modules
                continue
        gc.collect()
        gc.freeze()  # memory that no collector touches stays shared with the forks

    def judge(self, one: Case) -> Verdict:
        return trial(one, self.box, self.deadline)

    def shrink(self, one: Case, kind: str) -> Case:
        """The fewest of its damages, and of its probes, that still end in `kind`."""
        for part in ("damages", "names"):
            rest = 0
            while rest < len(getattr(one, part)) and len(getattr(one, part)) > 1:
                kept = [item for number, item in enumerate(getattr(one, part)) if number != rest]
                fewer = Case(kept, one.names) if part == "damages" else Case(one.damages, kept)
                if any(found == kind for found, _ in self.judge(fewer).wrong):
                    one = fewer
                else:
                    rest += 1
        return one

    def work(
        self,
        seed: int,
        numbers: Iterable[int],
        *,
        shrinking: bool = True,
        passing: Sequence[str] = (),
        shares: Sequence[float] = SHARES,
    ) -> Iterator[dict[str, object]]:
        """Do these cases; yields a row for each."""
        for number in numbers:
            one = case(seed, number, self.image, shares)
            verdict = self.judge(one)
            row = {
                "number": number,
                "done": len(verdict.done),
                "kinds": [d[0] for d in verdict.done],
                "codes": verdict.codes,
            }
            if wrong := [(kind, said) for kind, said in verdict.wrong if kind not in passing]:
                kind = wrong[0][0]
                least = self.shrink(one, kind) if shrinking else one
                row |= {"wrong": wrong, "again": least.line()}
            yield row


def count(rows: Iterable[dict[str, object]]) -> Counter[str]:
    """How often what was found, for the table."""
    found: Counter[str] = Counter()
    for row in rows:
        found["injected"] += int(str(row["done"]))
        found["cases"] += 1
        found["survived"] += "wrong" not in row
        found.update({kind for kind, _ in row.get("wrong", ())})  # type: ignore[attr-defined]
    return found
