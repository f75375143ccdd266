"""What the kernel is told; tests/gpu/test_ref_sync.py runs it."""

from types import SimpleNamespace

import torch

from callsheet.blending.launches import PIECE, kernel_for, rows_of


def test_the_kernel_reads_no_weight_of_another_device():
    here, there = (SimpleNamespace(device=torch.device(name), dtype=torch.bfloat16) for name in ("cuda:0", "cpu"))
    assert kernel_for(here, there) is kernel_for(there, here) is kernel_for(there, there) is None


def test_each_block_of_the_kernel_finds_its_piece():
    sizes = (1, PIECE, PIECE + 1, 5)
    pairs = [(torch.empty(size), torch.empty(size)) for size in sizes]
    rows, blocks = rows_of(pairs)
    assert rows[0::4] == [reference.data_ptr() for reference, _ in pairs]
    assert rows[1::4] == [policy.data_ptr() for _, policy in pairs]
    assert (rows[2::4], rows[3::4], blocks) == ([*sizes], [0, 1, 2, 4], 5)
