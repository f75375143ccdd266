"""What a model computes for a token, and what a device could do."""

from __future__ import annotations

import pytest
import torch

from callsheet import LogContext, LoopState
from callsheet_plugins.progress.board import Board
from callsheet_plugins.progress.mfu import KINDS, PEAKS, flops_and_peak, flops_per_token, peak
from callsheet_plugins.progress.pace import Pace, Tokens


class Tied(torch.nn.Module):
    """An embedding of 10 × 4, a layer of 4 × 4, and an output that shares the embedding or has weights of its own."""

    def __init__(self, *, is_tied: bool) -> None:
        super().__init__()
        self.table, self.layer = torch.nn.Embedding(10, 4), torch.nn.Linear(4, 4, bias=False)
        self.output = torch.nn.Linear(4, 10, bias=False)
        if is_tied:
            self.output.weight = self.table.weight

    def get_input_embeddings(self) -> torch.nn.Module:
        return self.table

    def get_output_embeddings(self) -> torch.nn.Module:
        return self.output


@pytest.mark.parametrize("is_tied", [True, False])
def test_a_table_computes_nothing_unless_the_output_uses_it(is_tied: bool) -> None:
    assert flops_per_token(Tied(is_tied=is_tied)) == 6 * (16 + 40)


def test_a_frozen_weight_has_no_gradient_of_its_own() -> None:
    model = Tied(is_tied=True)
    model.layer.weight.requires_grad = False
    assert flops_per_token(model) == 4 * 16 + 6 * 40


def test_a_weight_of_zero_3_counts_whole() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    model.weight.ds_numel = 1000  # type: ignore[assignment]
    assert flops_per_token(model) == 6000


@pytest.mark.parametrize("odd", [{"num_experts": 8}, {"num_local_experts": 8}, {"n_routed_experts": 64}])
def test_no_rule_holds_for_a_mixture_of_experts(odd: dict[str, int]) -> None:
    model = Tied(is_tied=True)
    model.config = type("Config", (), odd)()  # type: ignore[assignment]
    assert flops_per_token(model) is None


@pytest.mark.parametrize(
    ("device", "kind", "tera"),
    [
        ("NVIDIA H100 80GB HBM3", "bf16", 989.4),
        ("NVIDIA H100 PCIe", "bf16", 756),
        ("NVIDIA H100 NVL", "fp16", 835.5),
        ("NVIDIA H200", "tf32", 494.7),
        ("NVIDIA A100-SXM4-80GB", "fp32", 19.5),
        ("NVIDIA L40S", "bf16", 362),
        ("NVIDIA L40", "bf16", 181),
        ("NVIDIA L4", "bf16", 121),
        ("Tesla V100-SXM2-32GB", "bf16", None),
        ("Tesla T4", "fp16", 65),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "bf16", None),
        ("AMD Instinct MI300X", "bf16", 1307.4),
        ("NVIDIA Z9000", "bf16", None),
        ("", "bf16", None),
    ],
)
def test_a_device_is_known_by_its_name(device: str, kind: str, tera: float | None) -> None:
    assert peak(device, kind) == (tera and tera * 1e12)


def test_the_table_is_whole() -> None:
    assert all(len(row) == 1 + len(KINDS) and any(row[1:]) for row in PEAKS)


def test_nothing_is_said_of_a_cpu(tmp_path: object) -> None:
    state = LoopState(LogContext(None), lambda *a: None, lambda *a: None, model=Tied(is_tied=True))  # type: ignore[arg-type]
    assert flops_and_peak(state) is None


def test_the_share_is_of_all_devices() -> None:
    tokens = Tokens(2)
    tokens._logs.extend([(0.0, 0.0), (10.0, 1000.0)])
    board = Board(Pace(0, 10), tokens, utilization=(6e9, 2 * 1e12))
    assert board.mfu == pytest.approx(0.3)
    assert Board(Pace(0, 10), tokens).mfu is None and Board(Pace(0, 10), Tokens(1), utilization=(1, 1)).mfu is None
