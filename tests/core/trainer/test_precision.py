"""Device and precision: chosen where the user chose none, kept or refused where he did."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch

from callsheet.errors import CallsheetError
from callsheet.trainer.precision import with_precision

HARDWARE = {"none": (False, False), "old": (True, False), "new": (True, True)}


@pytest.fixture
def hardware(monkeypatch: pytest.MonkeyPatch):
    """Pretend to a machine without accelerator, with one that lacks bfloat16, or with one that has it."""

    def set_(kind: str) -> None:
        accelerator, bf16 = HARDWARE[kind]
        monkeypatch.setattr(torch.accelerator, "is_available", lambda *_: accelerator)
        monkeypatch.setattr("transformers.utils.is_torch_bf16_gpu_available", lambda: bf16)

    return set_


@pytest.mark.parametrize(
    ("kind", "given", "decided", "said"),
    [
        ("none", {}, {"use_cpu": True, "bf16": False}, "No accelerator here: training on the CPU in float32 (use_cpu=true, bf16=false)."),
        ("none", {"use_cpu": True}, {"use_cpu": True, "bf16": False}, "Training on the CPU in float32 (bf16=false); trainer.args.bf16=true changes it."),
        ("none", {"bf16": False}, {"use_cpu": True, "bf16": False}, "No accelerator here"),
        ("none", {"bf16": None}, {"use_cpu": True, "bf16": False}, "No accelerator here"),
        ("none", {"use_cpu": True, "bf16": True}, {"use_cpu": True, "bf16": True}, ""),
        ("none", {"use_cpu": True, "bf16": False}, {"use_cpu": True, "bf16": False}, ""),
        ("old", {}, {"bf16": False}, "This accelerator has no bfloat16: training in float32. trainer.args.fp16=true is faster."),
        ("old", {"fp16": True}, {"fp16": True}, ""),
        ("new", {}, {}, ""),
        ("new", {"bf16": False}, {"bf16": False}, ""),
        ("new", {"use_cpu": True}, {"use_cpu": True, "bf16": False}, "Training on the CPU in float32"),
    ],
)  # fmt: skip
def test_what_is_left_open_is_decided_and_said(hardware, caplog, kind, given: dict[str, Any], decided, said: str):
    hardware(kind)
    with caplog.at_level(logging.INFO, "callsheet"):
        assert with_precision({"seed": 1, **given}) == {"seed": 1, **decided}
    assert len(caplog.messages) == bool(said) and said in "".join(caplog.messages)


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("none", {"bf16": True}, "trainer.args.bf16=true needs hardware with bfloat16, and this machine has no accelerator. Set trainer.args.bf16=false, or trainer.args.use_cpu=true for bfloat16 on the CPU."),
        ("none", {"bf16": True, "use_cpu": False}, "trainer.args.use_cpu=false, but this machine has no accelerator."),
        ("none", {"fp16": True}, "trainer.args.fp16=true needs an accelerator, and this machine has no accelerator."),
        ("new", {"fp16": True, "use_cpu": True}, "trainer.args.fp16=true needs an accelerator, and trainer.args.use_cpu=true."),
        ("old", {"bf16": True}, "and this accelerator has none. Set trainer.args.bf16=false, or fp16=true in its place."),
    ],
)  # fmt: skip
def test_what_the_user_chose_is_refused_where_the_machine_lacks_it(hardware, kind, given: dict[str, Any], said: str):
    hardware(kind)
    with pytest.raises(CallsheetError) as refusal:
        with_precision(given)
    assert said in str(refusal.value)


@pytest.mark.skipif(torch.accelerator.is_available(), reason="this machine has an accelerator")
def test_a_run_on_a_machine_without_accelerator_needs_no_settings(run_trainer, caplog):
    session = run_trainer("dpo", "~trainer.args.use_cpu", "~trainer.args.bf16")
    assert (session.state.args.use_cpu, session.state.args.bf16) == (True, False)
    assert "No accelerator here" in caplog.text


def test_bfloat16_on_the_cpu_is_had_for_the_asking(run_trainer):
    session = run_trainer("sft", "trainer.args.use_cpu=true", "trainer.args.bf16=true")
    assert session.state.accelerator.mixed_precision == "bf16"
