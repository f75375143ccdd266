"""Where an average is kept: what is decided from the GPU's memory, and what `check` and the summary say of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from callsheet import LogContext, PreflightReport
from callsheet_plugins.bema import Bema, placing

GB = 10**9


def stream(size: int) -> Any:
    made = SimpleNamespace(device="cuda:0", size=size, moved=[])
    made.come_home = lambda: made.moved.append(True)
    return made


@pytest.mark.parametrize(("size", "moves"), [(30 * GB, True), (33 * GB, False)])
def test_an_average_moves_to_a_gpu_that_has_room_and_a_tenth_to_spare(monkeypatch: Any, size: int, moves: bool) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (40 * GB, 80 * GB))
    made = stream(size)
    said = placing.decide([made])
    assert bool(made.moved) == moves
    where = (
        "on cuda:0, which had 40.0 GB free" if moves else "in main memory: cuda:0 had 40.0 GB free, and 8.0 GB stay so"
    )
    assert said == f"kept its average: {size / GB:.1f} GB {where}."


def test_without_streams_nothing_is_said() -> None:
    assert placing.decide([]) == ""


@pytest.mark.parametrize(
    ("device", "said"), [("auto", "on the GPU if that has room"), ("cpu", "in main memory, with"), ("cuda", "on cuda")]
)
def test_check_says_how_much_and_where(tmp_path: Path, monkeypatch: Any, device: str, said: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    save_file({"a": torch.zeros(25_000_000, dtype=torch.bfloat16)}, tmp_path / "model.safetensors")
    report = PreflightReport()
    run = {"model": {"path": str(tmp_path)}}
    Bema(device=device).preflight(LogContext(tmp_path, run_config=run), report)
    (note,) = report.notes
    assert note.startswith("bema keeps its average (0.1 GB in all)") and said in note
    assert report.problems == report.warnings == []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    Bema(device=device).preflight(LogContext(tmp_path, run_config=run), on_cpu := PreflightReport())
    assert on_cpu.notes == []
