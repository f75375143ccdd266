"""What all ranks agree on, on real ranks over gloo and in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ranks import on_ranks
from waiting import PATIENCE

from callsheet.distributed.collectives import all_gather, barrier, broadcast, cpu_group
from callsheet.errors import CallsheetError


@pytest.mark.parametrize("size", [2, 3])
def test_rank_0_decides_once_and_everybody_has_its_answer(tmp_path: Path, size: int) -> None:
    def work(rank: int) -> Any:
        def decide() -> dict[str, Any]:
            (tmp_path / f"asked-{rank}").touch()
            return {"path": tmp_path, "rank": rank}

        return broadcast(decide)

    assert on_ranks(size, work) == [{"path": tmp_path, "rank": 0}] * size
    assert [path.name for path in tmp_path.iterdir()] == ["asked-0"]


def test_an_answer_of_none_is_an_answer() -> None:
    assert on_ranks(2, lambda rank: broadcast(lambda: None)) == [None, None]


def test_a_mistake_that_rank_0_finds_is_raised_on_every_rank() -> None:
    def refuse() -> None:
        raise CallsheetError("No checkpoint is left.")

    def work(rank: int) -> str:
        with pytest.raises(CallsheetError) as caught:
            broadcast(refuse)
        return str(caught.value)

    assert on_ranks(2, work) == ["No checkpoint is left."] * 2


def test_the_ranks_go_on_together_after_a_mistake() -> None:
    def work(rank: int) -> list[int]:
        with pytest.raises(CallsheetError):
            broadcast(lambda: (_ for _ in ()).throw(CallsheetError("no")))
        return all_gather(rank)

    assert on_ranks(2, work) == [[0, 1]] * 2


@pytest.mark.parametrize("size", [2, 3])
def test_everybody_has_the_value_of_every_rank_in_their_order(size: int) -> None:
    values = [{"rank": rank, "text": "x" * 10 ** (2 * rank)} for rank in range(size)]
    assert on_ranks(size, lambda rank: all_gather(values[rank])) == [values] * size


def test_nobody_passes_a_barrier_before_the_last_has_come(tmp_path: Path) -> None:
    def work(rank: int) -> bool:
        all_gather(rank)  # makes the group, for which the ranks wait as well
        if rank == 1:
            time.sleep(0.3)
            (tmp_path / "late").touch()
        barrier()
        return (tmp_path / "late").exists()

    assert on_ranks(2, work) == [True, True]


def test_a_lone_process_asks_nobody_and_loads_no_torch() -> None:
    code = (
        "import sys\nfrom callsheet.distributed.collectives import all_gather, barrier, broadcast, cpu_group\n"
        "barrier()\nprint(broadcast(lambda: 7), all_gather('mine'), cpu_group(), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout == "7 ['mine'] None False\n", done.stderr


def test_a_group_of_one_is_a_lone_process() -> None:
    def work(rank: int) -> Any:
        barrier()
        return broadcast(lambda: "alone"), all_gather(rank), cpu_group()

    assert on_ranks(1, work) == [("alone", [0], None)]
