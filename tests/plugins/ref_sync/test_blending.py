"""The arithmetic of a sync."""

import pytest
import torch

from callsheet.blending import Launches
from callsheet_plugins.ref_sync import blending
from callsheet_plugins.ref_sync.blending import blend, blend_all


@pytest.mark.parametrize("size", [0, 1, 7, 1000])
def test_the_reference_moves_by_its_part_of_the_way_and_says_how_far(monkeypatch, size):
    monkeypatch.setattr(blending, "CACHED", 16)  # so that the weights do not fit into one buffer
    reference, policy = torch.rand(size), torch.rand(size)
    wanted = 0.6 * policy + 0.4 * reference
    moved = (wanted - reference).square().sum()
    squared = blend(reference, policy, 0.6)
    assert (
        torch.allclose(reference, wanted)
        and torch.allclose(squared, moved, atol=1e-6)
        and squared.dtype == torch.float32
    )


def test_a_small_change_of_bfloat16_weights_is_not_rounded_away_in_its_length():
    reference = torch.ones(1000, dtype=torch.bfloat16)
    policy = torch.full((1000,), 1.0078125, dtype=torch.bfloat16)
    assert blend(reference, policy, 1.0).sqrt() == pytest.approx(0.0078125 * 1000**0.5, rel=1e-5)
    assert torch.equal(reference, policy)


@pytest.mark.parametrize("kept", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("trained", [torch.float32, torch.bfloat16])
def test_with_alpha_1_the_reference_is_a_copy_bit_for_bit(monkeypatch, kept, trained):
    monkeypatch.setattr(blending, "CACHED", 16)
    policy = torch.cat([torch.randn(1000) * 10.0**power for power in range(-8, 4)]).to(trained)
    policy[:3] = torch.tensor([0.0, -0.0, 1e-30])
    reference = (torch.randn(policy.numel()) * 100).to(kept)
    moved = (policy.float() - reference.float()).norm()
    squared = blend(reference, policy, 1.0)
    wanted = policy.to(kept)
    assert reference.view(torch.uint8).equal(wanted.view(torch.uint8))
    assert squared.sqrt() == pytest.approx(float(moved), rel=1e-3)


def test_all_are_blended_as_each_would_be():
    sizes = (1, 7, 1000)
    references, policies = ([torch.rand(size).bfloat16() for size in sizes] for _ in range(2))
    alone = [reference.clone() for reference in references]
    squared = blend_all(zip(references, policies, strict=True), 0.6, Launches())
    assert squared == [blend(reference, policy, 0.6) for reference, policy in zip(alone, policies, strict=True)]
    assert all(map(torch.equal, references, alone))
