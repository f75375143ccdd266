"""Files of a run in which anything may stand where anything should: each section shows what is left."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from callsheet_plugins.report.gathered import gather
from callsheet_plugins.report.page.payload import payload

from .made import make_run

ODD: list[Any] = [
    *(None, True, 0, -1, 1.5, 1e308, 10**30, "", "x", [], {}, [None], {"a": None}, {"": {}}),
    *("\ud800", "<blink>\x1b\u202e\0", "../../etc", "9999-12-31T23:59:59+00:00", "2026-11-28", "é" * 500),
]
FILES = ("*.jsonl", "completions/*.jsonl", "predictions/*.jsonl", "outbox/*.jsonl")


def damaged(content: Any, often: float, draw: random.Random) -> Any:
    """The same, but for values that are missing, or odd ones."""
    if draw.random() < often:
        return draw.choice(ODD)
    if isinstance(content, dict):
        return {name: damaged(value, often, draw) for name, value in content.items() if draw.random() > often / 2}
    return [damaged(value, often, draw) for value in content] if isinstance(content, list) else content


def damage(run: Path, seed: int) -> None:
    draw = random.Random(seed)
    often = draw.choice([0.01, 0.03, 0.1])
    record = damaged(json.loads((run / "run.json").read_text()), often, draw)
    (run / "run.json").write_text(json.dumps(record if isinstance(record, dict) else {}))
    for file in (found for pattern in FILES for found in sorted(run.glob(pattern))):
        rows = [damaged(json.loads(line), often, draw) for line in file.read_text().splitlines()]
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows) + '{"torn": ')


@pytest.mark.parametrize("seed", range(24))
def test_every_section_shows_what_is_left_of_a_damaged_run(tmp_path: Path, seed: int):
    for number in range(1 + seed % 2):
        run = make_run(tmp_path / f"run-{number}", steps=8, eval_every=2, checkpoint_every=4, prompts=5)
        damage(run, seed * 2 + number)
    for part in payload(gather([tmp_path])):
        assert "<blink" not in part.html
        part.html.encode()
