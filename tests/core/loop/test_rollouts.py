"""Rollouts on two real ranks: each hears of its own part, and together they are what TRL logged."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callsheet.testing.trainers import OVERRIDES, ROWS, TINY

pytestmark = pytest.mark.slow

WITNESS = Path(__file__).parents[2] / "engines" / "witness"


@pytest.mark.parametrize("kind", ["grpo", "rloo"])
def test_each_rank_has_its_own_part_of_the_rollouts(callsheet: Callable[..., Any], tmp_path: Path, kind: str) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS[kind]))
    done = callsheet(
        "train",
        f"trainer={kind}",
        *TINY,
        *OVERRIDES[kind],
        "dataset.path=rows.jsonl",
        "output_dir=run",
        "launch=ddp",
        "launch.processes=2",
        "plugins=[witness]",
        "plugins.witness.folder=.",
        env={
            "PYTHONPATH": os.pathsep.join(filter(None, (str(WITNESS), os.environ.get("PYTHONPATH")))),
            "OMP_NUM_THREADS": "1",
        },
    )
    assert done.returncode == 0, done.stderr
    heard = [_heard(tmp_path / f"witness-{rank}.jsonl") for rank in (0, 1)]
    assert [row["step"] for row in heard[0]] == [row["step"] for row in heard[1]] == [1, 2]
    for mine, other in zip(*heard, strict=True):
        for row in (mine, other):
            (scores,) = row["rewards"].values()
            assert scores == [-float(len(completion)) for completion in row["completions"]], "its own completions"
            assert len(row["prompts"]) == len(scores) == len(row["advantages"])
        assert mine["prompts"] != other["prompts"]
        assert sum(mine["advantages"] + other["advantages"]) == pytest.approx(0.0, abs=1e-3), "normalized over both"


def _heard(path: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [row for row in rows if row["hook"] == "on_rollouts"]
