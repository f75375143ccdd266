"""A step waits for no device on behalf of Callsheet, unless a plugin asks for a number."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from device_reads import Reads

import callsheet
from callsheet import Plugin, hookimpl
from callsheet.values import number

STEP_METRICS = "core/callsheet/loop/step_metrics.py"


class Listens(Plugin):
    """Joins every step and reads nothing."""

    @hookimpl
    def on_step_end(self, state: Any, step_idx: int, batch: Any, metrics: Any) -> None:
        assert {*metrics} == {"loss", "grad_norm", "learning_rate", "epoch"} and len(batch) == 2


def reads(trainer: Any, *plugins: Any, overrides: tuple[str, ...] = ()) -> list[str]:
    callsheet.attach(trainer, *plugins, overrides=overrides)
    with Reads() as reads:
        trainer.train()
    assert trainer.state.global_step == 6
    return reads.found


@pytest.mark.parametrize("plugin", [(), (Listens(on_error="raise"),)], ids=["no plugin", "one that reads nothing"])
def test_a_step_reads_no_tensor(tiny_trainer: Any, plugin: tuple[Plugin, ...]) -> None:
    trainer = tiny_trainer(save_strategy="no", gradient_accumulation_steps=2, eval_strategy="steps", eval_steps=3)
    assert reads(trainer, *plugin) == []


@pytest.mark.parametrize(("logging_steps", "most"), [(1, 0), (2, 0), (3, 0), (100, 2)])
def test_observers_read_only_what_the_trainer_has_not_logged(
    tiny_trainer: Any, capsys: pytest.CaptureFixture[str], logging_steps: int, most: int
) -> None:
    trainer = tiny_trainer(save_strategy="no", eval_strategy="steps", eval_steps=2, logging_steps=logging_steps)
    every = ("plugins.progress.every_steps=3",)
    found = reads(trainer, "csv_metrics", "early_stopping", "progress", overrides=every)
    lines = [line for line in capsys.readouterr().out.splitlines() if " loss " in line and "eval" not in line]
    assert len(lines) == 2 and len(found) == most and all(read.startswith(STEP_METRICS) for read in found), found


@pytest.mark.parametrize("read", [number, torch.Tensor.item], ids=["by Callsheet", "by another"])
def test_a_read_is_noticed_where_it_is_callsheet_s(read: Any) -> None:
    with Reads() as reads:
        read(torch.tensor(1.0))
    assert [line.partition(":")[0] for line in reads.found] == ["core/callsheet/values.py"] * (read is number)
