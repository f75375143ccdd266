"""A row of tensors in pieces: every element once, in order, however the borders fall."""

import pytest
import torch

from callsheet_plugins.bema.streams.pieces import Row

LENGTHS = {"a": 7, "b": 1, "c": 0, "d": 20, "e": 3}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 31, 32, 100])
def test_pieces_hold_every_element_once_and_in_order(size):
    row = Row(LENGTHS)
    whole = torch.arange(row.size)
    pieces = list(row.pieces(row.views(whole), size))
    assert torch.equal(torch.cat([part for _, parts in pieces for part in parts]), whole)
    for where, parts in pieces:
        assert torch.equal(whole[where], torch.cat(parts))
        assert len(whole[where]) == size or where is pieces[-1][0]


def test_a_row_of_nothing_has_no_pieces():
    assert list(Row({"a": 0}).pieces({"a": torch.empty(0)}, 5)) == [] and Row({}).size == 0


def test_views_share_the_row():
    row = Row(LENGTHS)
    whole = torch.zeros(row.size)
    row.views(whole)["d"].fill_(1.0)
    assert whole.sum() == 20 and whole[8] == 1 and whole[7] == 0
