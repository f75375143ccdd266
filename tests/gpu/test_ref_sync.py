"""ref_sync on the GPU: the reference that TRL's own sync gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from device import device

from callsheet.blending import Launches, kernel_for
from callsheet_plugins.ref_sync.blending import blend, blend_all

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


@pytest.mark.gpu
@pytest.mark.parametrize("policy", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("reference", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("alpha", [0.6, 1.0])
def test_the_kernel_moves_what_the_cpu_moves(reference: torch.dtype, policy: torch.dtype, alpha: float) -> None:
    torch.manual_seed(0)
    sizes = (1, 7, 8, 2048, 100_000, 3_000_001)  # a block, many, and pieces that are no multiple of eight
    kept = [torch.randn(size + 1).to(reference) for size in sizes]
    trained = [(tensor.float() + 1e-2 * torch.randn(tensor.numel())).to(policy) for tensor in kept]
    for begin in (0, 1):  # at 1, no element lies where sixteen bytes may be read at once
        ours = [tensor.cuda() for tensor in kept]
        pairs = [(one[begin:], other.cuda()[begin:]) for one, other in zip(ours, trained, strict=True)]
        assert all(kernel_for(one, other) for one, other in pairs)
        moved = sum(float(part.sum()) for part in blend_all(pairs, alpha, Launches()))
        theirs = [tensor.clone() for tensor in kept]
        expected = sum(
            float(blend(one[begin:], other[begin:], alpha)) for one, other in zip(theirs, trained, strict=True)
        )
        assert moved == pytest.approx(expected, rel=1e-5)
        for one, other in zip(ours, theirs, strict=True):
            assert torch.equal(one.cpu(), other) or alpha < 1
            assert torch.allclose(one.cpu().float(), other.float(), rtol=2 * torch.finfo(reference).eps, atol=1e-7)


@pytest.mark.gpu
def test_a_type_that_the_kernel_does_not_know_is_blended_without_it() -> None:
    reference, policy = (torch.rand(1000, device="cuda").half() for _ in range(2))
    expected, half = torch.lerp(reference.float(), policy.float(), 0.6), reference.clone()
    squared = sum(float(part.sum()) for part in blend_all([(half, policy)], 0.6, Launches()))
    assert torch.allclose(half.float(), expected, atol=1e-3)
    assert squared == pytest.approx(float((expected - reference.float()).square().sum()), rel=1e-3)
