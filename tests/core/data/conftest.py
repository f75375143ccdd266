"""Data files in a folder of their own, with a cache of their own, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from callsheet.config.schema import DatasetSettings, TrainerSettings
from callsheet.data import load
from callsheet.errors import CallsheetError

WANTED = TrainerSettings("sft", columns=["messages", "prompt+completion", "text", "input_ids"])


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets  # type: ignore[import-untyped]  # datasets ships no types

    datasets.disable_progress_bars()
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.chdir(tmp_path)


def write(name: str, *lines: str) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return name


def rows(name: str, count: int, start: int = 0, **more: Any) -> str:
    return write(name, *(json.dumps({"text": f"row {n}", **more}) for n in range(start, start + count)))


def only(problems: list[str]) -> str:
    assert len(problems) == 1, problems
    return problems[0]


def failure(settings: DatasetSettings) -> str:
    with pytest.raises(CallsheetError) as caught:
        load(settings)
    return str(caught.value)
