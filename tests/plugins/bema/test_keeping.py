"""The files of BEMA: written once, shared by links, and read by the run that goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from core.sharding.conftest import of_rank, small_model, spread, whole_weights
from ranks import on_ranks
from safetensors.torch import load_file

from callsheet.sharding import Sharding, Stored, file_of
from callsheet_plugins.bema.keeping import EMA, FORMED, THETA, THETA0, Kept


def parts(sharding: Sharding, more: float = 0.0) -> dict[str, torch.Tensor]:
    return {name: shard.read() + more for name, shard in sharding.chosen.items()}


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """The folder of a run in one process, with θ₀ in it."""
    made = Kept(tmp_path / "bema", Sharding(small_model()))
    made.clear()
    made.keep(parts(made.sharding), THETA0)
    return made


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint-1"
    folder.mkdir()
    return folder


def form(kept: Kept, text: str = "formed") -> None:
    kept.formed.mkdir()
    (kept.formed / "model.safetensors").write_text(text)
    (kept.formed / "config.json").write_text("{}")


def holds(stored: Stored, more: float = 0.0) -> bool:
    flat = {name: tensor.view(-1) + more for name, tensor in whole_weights().items()}
    return all(torch.equal(stored.read(name), tensor) for name, tensor in flat.items())


def test_theta0_is_read_back_as_it_was_written(kept: Kept) -> None:
    assert holds(kept.stored(THETA0))
    kept.keep(parts(kept.sharding, 2.0), THETA)
    assert holds(kept.stored(THETA0)) and holds(kept.stored(THETA), 2.0)


def test_a_new_run_in_the_folder_begins_with_an_empty_one(kept: Kept) -> None:
    form(kept)
    kept.clear()
    assert list(kept.folder.iterdir()) == [] and not kept.stored(THETA0)


def test_a_checkpoint_has_an_average_of_its_own_and_shares_theta0_and_the_formed_one(
    kept: Kept, checkpoint: Path
) -> None:
    form(kept)
    kept.save(parts(kept.sharding, 1.0), checkpoint)
    assert holds(Stored(kept.sharding.chosen, checkpoint, EMA), 1.0)
    theirs, ours = file_of(checkpoint, THETA0, 0), file_of(kept.folder, THETA0, 0)
    assert theirs.stat().st_ino == ours.stat().st_ino
    formed = checkpoint / FORMED / "model.safetensors"
    assert formed.stat().st_ino == (kept.formed / "model.safetensors").stat().st_ino
    assert (checkpoint / FORMED / "config.json").stat().st_nlink == 1, "small files may be written to"


def test_before_there_is_a_theta0_or_a_formed_average_a_checkpoint_has_neither(
    tmp_path: Path, checkpoint: Path
) -> None:
    kept = Kept(tmp_path / "bema", Sharding(small_model()))
    kept.clear()
    kept.save(parts(kept.sharding), checkpoint)
    assert [path.name for path in checkpoint.iterdir()] == ["ema-00000.safetensors"]


@pytest.mark.parametrize("end", ["clear", "remove"])
def test_checkpoints_keep_what_the_folder_loses(kept: Kept, checkpoint: Path, end: str) -> None:
    kept.save(parts(kept.sharding), checkpoint)
    getattr(kept, end)()
    assert holds(Stored(kept.sharding.chosen, checkpoint, THETA0))
    assert kept.folder.exists() == (end == "clear")


def test_a_resumed_run_links_the_theta0_of_its_checkpoint(kept: Kept, checkpoint: Path) -> None:
    kept.save(parts(kept.sharding), checkpoint)
    kept.clear()
    assert kept.adopt(checkpoint, THETA0) and holds(kept.stored(THETA0))
    assert not kept.adopt(checkpoint, THETA)
    assert file_of(kept.folder, THETA0, 0).stat().st_ino == file_of(checkpoint, THETA0, 0).stat().st_ino


def test_another_number_of_ranks_writes_its_own_theta0_from_the_files_of_all(kept: Kept, checkpoint: Path) -> None:
    for rank, cut in enumerate([(0, 20), (20, 15)]):
        half = Kept(kept.folder, of_rank(Sharding(small_model()), rank, {"0.weight": cut}))
        flat = parts(Sharding(small_model()))
        flat["0.weight"] = flat["0.weight"][cut[0] : sum(cut)]
        half.keep(flat, THETA0)
        half.save(flat, checkpoint)
    before = {path.name: path.read_bytes() for path in checkpoint.iterdir()}
    kept.clear()
    assert kept.adopt(checkpoint, THETA0) and holds(kept.stored(THETA0))
    assert not kept.adopt(checkpoint, THETA)
    assert load_file(file_of(kept.folder, THETA0, 0))["0.weight"].numel() == 35
    assert {path.name: path.read_bytes() for path in checkpoint.iterdir()} == before


@pytest.mark.parametrize(("saved", "resumed"), [(2, 2), (2, 3), (3, 1)])
def test_ranks_that_go_on_have_the_parts_that_they_keep(tmp_path: Path, saved: int, resumed: int) -> None:
    checkpoint = tmp_path / "checkpoint-1"
    checkpoint.mkdir()

    def save(rank: int) -> None:
        kept = Kept(tmp_path / "bema", Sharding(spread("fsdp2", rank, saved)))
        kept.clear()
        kept.keep(parts(kept.sharding), THETA0)
        kept.save(parts(kept.sharding, 1.0), checkpoint)

    def resume(rank: int) -> Any:
        kept = Kept(tmp_path / "again", Sharding(spread("fsdp2", rank, resumed)))
        kept.clear()
        assert kept.adopt(checkpoint, THETA0)
        theta0, ema = kept.stored(THETA0), Stored(kept.sharding.chosen, checkpoint, EMA)
        return [
            {name: kept.sharding.everywhere(name, stored.read(name)) for name in kept.sharding.chosen}
            for stored in (theta0, ema)
        ]

    on_ranks(saved, save)
    for theta0, ema in on_ranks(resumed, resume):
        for name, tensor in whole_weights().items():
            assert torch.equal(theta0[name], tensor) and torch.equal(ema[name], tensor + 1)


def test_the_formed_average_of_a_checkpoint_is_taken_over_and_none_is_none(kept: Kept, checkpoint: Path) -> None:
    assert kept.adopt_formed(checkpoint) is False
    form(kept, "of the checkpoint")
    kept.save(parts(kept.sharding), checkpoint)
    kept.clear()
    assert kept.adopt_formed(checkpoint) is True
    assert (kept.formed / "model.safetensors").read_text() == "of the checkpoint"


def test_a_published_average_takes_the_place_of_what_was_there_and_leaves_the_folder(
    kept: Kept, tmp_path: Path
) -> None:
    place = tmp_path / "published"
    place.mkdir()
    (place / "old").touch()
    form(kept)
    assert kept.publish(place) == place
    assert sorted(path.name for path in place.iterdir()) == ["config.json", "model.safetensors"]
    assert not kept.formed.exists() and holds(kept.stored(THETA0))


def test_on_other_ranks_nothing_is_cleared_and_nothing_formed_is_shared(kept: Kept, checkpoint: Path) -> None:
    form(kept)
    other = Kept(kept.folder, of_rank(Sharding(small_model()), 1, {"0.weight": (0, 0)}))
    other.clear()
    assert kept.formed.exists() and holds(kept.stored(THETA0))
    other.save({}, checkpoint)
    assert list(checkpoint.iterdir()) == []
