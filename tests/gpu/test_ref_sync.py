"""ref_sync on the GPU: the reference that TRL's own sync gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from device import device

ON_CPU = device() == "cpu"
HERE = (
    f"trainer.args.use_cpu={str(ON_CPU).lower()}",
    f"trainer.args.bf16={str(not ON_CPU).lower()}",
    "trainer.args.learning_rate=0.01",
    "trainer.args.max_steps=4",
)
OURS = ("plugins=[ref_sync]", "plugins.ref_sync.ref_model_sync_steps=2", "plugins.ref_sync.ref_model_mixup_alpha=0.6")
THEIRS = tuple(
    f"trainer.args.{arg}" for arg in ("sync_ref_model=true", "ref_model_sync_steps=2", "ref_model_mixup_alpha=0.6")
)


def test_the_reference_is_the_one_that_trl_makes(run_trainer: Callable[..., Any], deterministic: None) -> None:
    ours = run_trainer("dpo", *HERE, *OURS).state
    theirs = run_trainer("dpo", *HERE, "plugins=[]", *THEIRS, output_dir="theirs").state
    for one, other in ((ours.model, theirs.model), (ours.trainer.ref_model, theirs.trainer.ref_model)):
        expected = other.state_dict()
        assert all(tensor.device.type == device() for tensor in expected.values())
        assert all(
            torch.allclose(tensor, expected[name], rtol=0, atol=1e-5) for name, tensor in one.state_dict().items()
        )
    moved = theirs.trainer.ref_model.state_dict()
    assert any(not torch.equal(tensor, moved[name]) for name, tensor in theirs.model.state_dict().items())
