"""The completions of one step and source, as Weave gets them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callsheet.tracking import Rows

NUMBERS = ("rewards", "scores")


@dataclass(frozen=True)
class Completion:
    """One completion; `row` tells it from the others of its step and source. Its prompt is text, or messages."""

    row: str
    prompt: Any
    completion: str
    rewards: Mapping[str, float] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    advantage: float | None = None

    @property
    def asked(self) -> str:
        """The prompt as scorers get it."""
        return self.prompt if isinstance(self.prompt, str) else json.dumps(self.prompt, ensure_ascii=False)

    @property
    def output(self) -> dict[str, Any]:
        known = {"rewards": dict(self.rewards), "scores": dict(self.scores), "advantage": self.advantage}
        return {"completion": self.completion, **{name: value for name, value in known.items() if value}}


@dataclass(frozen=True)
class Sampled:
    """All of one step and source; `key` is theirs alone among all runs of a project."""

    key: str
    step: int
    source: str
    completions: Sequence[Completion]


def sampled(run_id: str, rows: Rows) -> Iterator[Sampled]:
    """What a table of completions holds, by source."""
    sources: dict[str, list[Completion]] = {}
    seen: Counter[tuple[str, str]] = Counter()
    for cells in rows.rows:
        row = dict(zip(rows.columns, cells, strict=True))
        source, index = str(row.get("source") or "eval"), str(row.get("index"))
        seen[source, index] += 1
        again = f"-{seen[source, index]}" if seen[source, index] > 1 else ""
        sources.setdefault(source, []).append(_completion(row, index + again))
    for source, found in sources.items():
        yield Sampled(f"{run_id}/{rows.step}/{source}", rows.step, source, found)


def _completion(row: Mapping[str, Any], index: str) -> Completion:
    numbers = {kind: _under(row, kind) for kind in NUMBERS}
    prompt, completion = _prompt(row.get("prompt")), str(row.get("completion") or "")
    return Completion(index, prompt, completion, **numbers, advantage=row.get("advantage"))


def _under(row: Mapping[str, Any], kind: str) -> dict[str, float]:
    return {
        name.partition("/")[2]: value
        for name, value in row.items()
        if name.startswith(f"{kind}/") and isinstance(value, (int, float))
    }


def _prompt(cell: Any) -> Any:
    """Messages where the cell is their JSON, which Weave shows as a conversation; else text."""
    text = str(cell if cell is not None else "")
    if not text.startswith("[{"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
