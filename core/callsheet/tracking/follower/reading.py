"""What is new in the run directory since a cursor, in the order in which a tracker gets it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from callsheet.disk.inside import Inside
from callsheet.disk.regular import Irregular
from callsheet.errors import CallsheetError
from callsheet.rundir.rundir import CHECKPOINTS, EVALS, METRICS
from callsheet.tracking.cursor import Cursor, Seen
from callsheet.tracking.follower import translating
from callsheet.tracking.follower.lines import new_lines
from callsheet.tracking.names import Names
from callsheet.tracking.records import Point

COMPLETIONS = "completions"
OF_A_STEP = re.compile(r"(\d{1,15})\.jsonl")
SETTLED_SECONDS = 5.0  # a folder that changed within these may change again without another time

Item = tuple[str, Any]  # the method of a Sink, and what it takes


class Reading:
    """Reads one run for one tracker. Each item comes once: a cursor moves along and says what was told."""

    def __init__(self, run_dir: Path, names: Names, max_rows: int, began: float) -> None:
        self.inside, self.names, self.max_rows, self.began = Inside(run_dir), names, max_rows, began
        self._settled: int | None = None  # when the folder of completions changed last, if all of it was told

    def items(self, cursor: Cursor, until: Cursor | None = None) -> Iterator[list[Item]]:
        """What `cursor` has not told, row by row; it has when they come. Nothing that `until` has not told either."""
        yield from self._metrics(cursor, until)
        yield from self._scores(cursor, until)
        yield from self._manifest(cursor, until)
        yield from self._completions(cursor, until)

    def _lines(self, name: str, cursor: Cursor, until: Cursor | None) -> Iterator[Mapping[str, Any]]:
        end = until.read.get(name, 0) if until else None
        for row, place in new_lines(self.inside, name, cursor.read.get(name, 0), end):
            cursor.read[name] = place
            if row:
                yield row

    def _metrics(self, cursor: Cursor, until: Cursor | None) -> Iterator[list[Item]]:
        for row in self._lines(METRICS, cursor, until):
            if (point := translating.metrics(row, self.names, self.began)) and (new := self._new(point, cursor)):
                yield [("point", new)]

    def _new(self, point: Point, cursor: Cursor) -> Point | None:
        """What of a row is later than what was told: a resumed run repeats steps."""
        told = cursor.steps.setdefault(point.axis, {})
        fitted = self._fit(point, cursor)
        new = {name for name in (*fitted.values, *fitted.texts) if told.get(name, -1) < point.step}
        told |= dict.fromkeys(new, point.step)
        values = {name: value for name, value in fitted.values.items() if name in new}
        texts = {name: said for name, said in fitted.texts.items() if name in new}
        return replace(fitted, values=values, texts=texts) if new else None

    def _fit(self, point: Point, cursor: Cursor) -> Point:
        values = {self._fitted(name, cursor): value for name, value in point.values.items()}
        texts = {self._fitted(name, cursor): said for name, said in point.texts.items()}
        return replace(point, values=values, texts=texts)

    def _fitted(self, name: str, cursor: Cursor) -> str:
        """The name that the tracker takes; two metrics never get one name."""
        fitted = self.names.fit(name)
        if fitted == name:
            return name
        key = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        owner = cursor.renamed.setdefault(fitted, key)
        return fitted if owner == key else self.names.told_apart(name)

    def _scores(self, cursor: Cursor, until: Cursor | None) -> Iterator[list[Item]]:
        for row in self._lines(EVALS, cursor, until):
            if not row.get("entry") and not _is_new(cursor.scores, [row.get("key"), row["name"], row["step"]]):
                continue
            point = self._fit(translating.score(row, self.names, _last(cursor), self.began), cursor)
            table = translating.predictions(row, point, self._predictions(row), self.names)
            yield [("point", point), *([("rows", table)] if table else [])]

    def _predictions(self, row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        name = row.get("predictions")
        try:
            return self._first(name) if isinstance(name, str) and name else []
        except (OSError, CallsheetError):  # gone, or none of ours
            return []

    def _first(self, name: str) -> list[Mapping[str, Any]]:
        rows = (row for row, _ in new_lines(self.inside, name, 0) if row)
        return list(islice(rows, self.max_rows))

    def _manifest(self, cursor: Cursor, until: Cursor | None) -> Iterator[list[Item]]:
        for row in self._lines(CHECKPOINTS, cursor, until):
            if revision := row.get("revision"):
                if _is_new(cursor.revisions, [revision.get(name) for name in ("repo", "branch", "commit")]):
                    yield [("revision", revision)]
            elif _is_new(cursor.checkpoints, [row["name"]]) and "step" in row:
                yield [("checkpoint", {name: row.get(name) for name in ("name", "step", "epoch", "path")})]

    def _completions(self, cursor: Cursor, until: Cursor | None) -> Iterator[list[Item]]:
        """Nothing if the folder is as it was when all of it was told."""
        folder = self.inside.stat(COMPLETIONS)
        if folder is None or folder.st_mtime_ns == self._settled:
            return
        for step, name in sorted(_steps(self.inside.names(COMPLETIONS))):
            if found := self.inside.stat(name):
                yield from self._of_a_file(step, name, found, cursor, until)
        is_settled = until is None and time.time() - folder.st_mtime > SETTLED_SECONDS
        self._settled = folder.st_mtime_ns if is_settled else None

    def _of_a_file(
        self, step: int, name: str, found: os.stat_result, cursor: Cursor, until: Cursor | None
    ) -> Iterator[list[Item]]:
        """A table for each source that was not told; the file is replaced when another source comes."""
        seen = cursor.completions.setdefault(str(step), Seen(-1, -1))
        if (seen.size, seen.changed) == (found.st_size, found.st_mtime_ns):
            return
        allowed = until.completions.get(str(step), Seen(0, 0)).sources if until else None
        new = {source: lines for source, lines in self._by_source(name).items() if source not in seen.sources}
        for source, lines in new.items():
            if allowed is None or source in allowed:
                seen.sources.append(source)
                yield [("rows", translating.completions(step, found.st_mtime, lines, self.names))]
        if {*new} <= {*seen.sources}:
            seen.size, seen.changed = found.st_size, found.st_mtime_ns

    def _by_source(self, name: str) -> dict[str, list[Mapping[str, Any]]]:
        sources: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        try:
            for row, _ in new_lines(self.inside, name, 0):
                if row and len(lines := sources[str(row.get("source", ""))]) < self.max_rows:
                    lines.append(row)
        except Irregular:
            return {}
        return {source: lines for source, lines in sources.items() if lines}


def _steps(names: list[str]) -> Iterator[tuple[int, str]]:
    """The files of completions, by step."""
    for name in names:
        if found := OF_A_STEP.fullmatch(name):
            yield int(found[1]), f"{COMPLETIONS}/{name}"


def _last(cursor: Cursor) -> int:
    """The last step that was told of any metric."""
    return max((step for told in cursor.steps.values() for step in told.values()), default=0)


def _is_new(told: set[str], about: list[Any]) -> bool:
    """Note it; whether it was not told before."""
    digest = hashlib.sha256(json.dumps(about, default=str).encode()).hexdigest()[:16]
    is_new = digest not in told
    told.add(digest)
    return is_new
