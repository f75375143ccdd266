"""Tensors of a checkpoint, written by the ranks that have them and read by however many resume."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ranks import on_ranks

from callsheet.errors import CallsheetError
from callsheet.sharding import Sharding, Stored, file_of, holds_exactly, save_shards
from core.sharding.conftest import of_rank, small_model, spread, whole_weights


def spans(ranks: int) -> list[dict[str, tuple[int, int]]]:
    """Where `ranks` ranks would cut both tensors; the last of many has nothing of the smaller one."""
    cuts: list[dict[str, tuple[int, int]]] = [{} for _ in range(ranks)]
    for name, size in (("w", 35), ("v", 3)):
        step = -(-size // ranks)
        for rank in range(ranks):
            start = min(rank * step, size)
            cuts[rank][name] = (start, min(step, size - start))
    return cuts


def test_parts_are_read_back_by_another_number_of_ranks(tmp_path: Path) -> None:
    model = torch.nn.ParameterDict(
        {"w": torch.nn.Parameter(torch.randn(5, 7)), "v": torch.nn.Parameter(torch.randn(3))}
    )
    flat = {name: tensor.detach().reshape(-1) for name, tensor in model.items()}
    for rank, cuts in enumerate(spans(3)):
        part = of_rank(Sharding(model), rank, cuts)
        save_shards(part, {name: flat[name][start : start + n] for name, (start, n) in cuts.items()}, tmp_path, "ema")
    for ranks in (1, 2, 3, 4):
        for rank, cuts in enumerate(spans(ranks)):
            stored = Stored(of_rank(Sharding(model), rank, cuts).chosen, tmp_path, "ema")
            assert all(
                torch.equal(stored.read(name), flat[name][start : start + n]) for name, (start, n) in cuts.items()
            )


def test_a_missing_part_and_other_parameters_are_named(tmp_path: Path) -> None:
    model = torch.nn.ParameterDict({"w": torch.nn.Parameter(torch.randn(6))})
    half = of_rank(Sharding(model), 0, {"w": (0, 3)})
    save_shards(half, {"w": torch.randn(3)}, tmp_path, "ema")
    with pytest.raises(CallsheetError, match="lacks a part of w"):
        Stored(Sharding(model).chosen, tmp_path, "ema").read("w")
    other = torch.nn.ParameterDict({"w": torch.nn.Parameter(torch.randn(7))})
    with pytest.raises(CallsheetError, match="other parameters"):
        Stored(Sharding(other).chosen, tmp_path, "ema")


def test_a_tensor_that_no_file_holds_is_named(tmp_path: Path) -> None:
    with pytest.raises(CallsheetError, match="lacks weight: it was copied without"):
        Stored(Sharding(torch.nn.Linear(3, 2)).chosen, tmp_path, "theta0").read("weight")


def test_every_rank_writes_what_it_keeps_and_another_number_of_ranks_reads_the_same(tmp_path: Path) -> None:
    def save(rank: int) -> None:
        sharding = Sharding(spread("fsdp2", rank, 2))
        save_shards(sharding, {name: shard.read() for name, shard in sharding.chosen.items()}, tmp_path, "ema")

    def read(rank: int) -> dict[str, torch.Tensor]:
        sharding = Sharding(spread("fsdp2", rank, 3))
        stored = Stored(sharding.chosen, tmp_path, "ema")
        return {name: sharding.everywhere(name, stored.read(name)) for name in sharding.chosen}

    on_ranks(2, save)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ema-00000.safetensors", "ema-00001.safetensors"]
    for found in on_ranks(3, read):
        assert all(torch.equal(found[name], tensor) for name, tensor in whole_weights().items())


def test_ranks_that_keep_the_same_write_it_once(tmp_path: Path) -> None:
    def save(rank: int) -> Path | None:
        sharding = Sharding(spread("plain", rank, 2))
        return save_shards(sharding, {name: shard.read() for name, shard in sharding.chosen.items()}, tmp_path, "ema")

    assert on_ranks(2, save) == [file_of(tmp_path, "ema", 0), None]


def test_a_file_is_known_to_hold_what_this_rank_would_write_today(tmp_path: Path) -> None:
    sharding = Sharding(small_model())
    path = save_shards(sharding, {name: shard.read() for name, shard in sharding.chosen.items()}, tmp_path, "ema")
    assert path and holds_exactly(path, sharding) and holds_exactly(path, Sharding(small_model()))
    assert not holds_exactly(path, of_rank(Sharding(small_model()), 0, {"0.weight": (0, 20)}))
    assert not holds_exactly(path, Sharding(torch.nn.Linear(7, 5)))


def test_a_folder_that_holds_nothing_of_the_kind_is_empty(tmp_path: Path) -> None:
    sharding = Sharding(small_model())
    save_shards(sharding, {name: shard.read() for name, shard in sharding.chosen.items()}, tmp_path, "theta0")
    assert not Stored(sharding.chosen, tmp_path, "ema") and Stored(sharding.chosen, tmp_path, "theta0")


def test_parts_that_overlap_are_read_once(tmp_path: Path) -> None:
    """A checkpoint may lie in a folder into which an earlier one of more ranks was saved."""
    model = torch.nn.ParameterDict({"w": torch.nn.Parameter(torch.arange(6.0))})
    for rank, cut in enumerate([(0, 4), (2, 4)]):
        part = of_rank(Sharding(model), rank, {"w": cut})
        save_shards(part, {"w": torch.arange(6.0)[cut[0] : cut[0] + cut[1]]}, tmp_path, "ema")
    assert Stored(Sharding(model).chosen, tmp_path, "ema").read("w").tolist() == [0, 1, 2, 3, 4, 5]
