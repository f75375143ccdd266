"""Files of safetensors, written one tensor at a time, are those that the library writes and reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from callsheet.sharding import Sharding, save_model
from callsheet.sharding.stream import write_safetensors
from core.sharding.test_saving import SIZES

TENSORS = {
    "wide": torch.randn(3, 4, dtype=torch.float64),
    "single": torch.randn(5),
    "turned": torch.randn(4, 3).T,
    "part": torch.arange(10)[2:5],
    "half": torch.randn(3).bfloat16(),
    "small": torch.randn(2).to(torch.float8_e4m3fn),
    "yes": torch.tensor([True, False, True]),
    "one": torch.tensor(7.0),
    "none": torch.empty(0, 3),
}


def metas(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: torch.empty(tensor.shape, dtype=tensor.dtype, device="meta") for name, tensor in tensors.items()}


def test_the_library_reads_every_shape_and_type_back(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "ours.safetensors", metas(TENSORS), iter(TENSORS.values()))
    found = load_file(tmp_path / "ours.safetensors")
    assert found.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert found[name].dtype == tensor.dtype and found[name].shape == tensor.shape
        assert found[name].tolist() == tensor.tolist()


def test_the_file_is_byte_for_byte_the_librarys_own(tmp_path: Path) -> None:
    tensors = {name: torch.randn(3, 4) for name in ("a", "b", "c")}
    write_safetensors(tmp_path / "ours", metas(tensors), iter(tensors.values()))
    save_file(tensors, tmp_path / "theirs", {"format": "pt"})
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_one_tensor_is_asked_for_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "ours.safetensors"
    big = {"first": torch.zeros(1_000_000), "second": torch.zeros(1_000_000)}
    asked = []

    def big_ones():
        for name in big:
            asked.append((name, path.stat().st_size))
            yield big[name]

    write_safetensors(path, metas(big), big_ones())
    (_, before), (_, between) = asked
    assert between - before >= 3_900_000, "the first is in the file before the second is made"


@pytest.mark.parametrize("wrong", [torch.randn(6), torch.randn(5).double()])
def test_a_tensor_that_is_not_what_the_header_says_is_refused(tmp_path: Path, wrong: torch.Tensor) -> None:
    with pytest.raises(AssertionError):
        write_safetensors(tmp_path / "ours", metas({"a": torch.randn(5)}), iter([wrong]))


def test_a_tensor_too_few_is_refused(tmp_path: Path) -> None:
    tensors = {name: torch.randn(2) for name in "ab"}
    with pytest.raises(ValueError):
        write_safetensors(tmp_path / "ours", metas(tensors), iter([tensors["a"]]))


def test_tensors_of_several_types_are_aligned(tmp_path: Path) -> None:
    class Mixed(LlamaForCausalLM):
        def __init__(self, config: LlamaConfig) -> None:
            super().__init__(config)
            self.bfloat16()
            self.a_scale = torch.nn.Parameter(torch.randn(1).bfloat16())
            self.a_table = torch.nn.Parameter(torch.randn(5))

    model = Mixed(LlamaConfig(**SIZES))
    save_model(model, Sharding(model), tmp_path, lambda name: None)
    saved = load_file(tmp_path / "model.safetensors")
    assert torch.equal(saved["a_table"], model.a_table) and torch.equal(saved["a_scale"], model.a_scale)
    with (tmp_path / "model.safetensors").open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    assert header["a_table"]["data_offsets"][0] % 4 == 0
