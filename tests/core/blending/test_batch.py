"""What the kernel is told; tests/gpu/test_ref_sync.py runs it."""

import torch

from callsheet.blending.batch import PIECE, rows_of


def test_each_block_of_the_kernel_finds_its_piece():
    sizes = (1, PIECE, PIECE + 1, 5)
    pairs = [(torch.empty(size), torch.empty(size)) for size in sizes]
    rows, blocks = rows_of(pairs)
    assert rows[0::4] == [reference.data_ptr() for reference, _ in pairs]
    assert rows[1::4] == [policy.data_ptr() for _, policy in pairs]
    assert (rows[2::4], rows[3::4], blocks) == ([*sizes], [0, 1, 2, 4], 5)
