"""sharding: what one process can show of it; two ranks are in the tests of the plugins that stand on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    PreTrainedModel,
)

from callsheet.errors import CallsheetError
from callsheet.rundir.links import link_or_copy
from callsheet.sharding import Sharding, Stored, save_model, save_shards, zero
from callsheet.sharding import layout as layouts
from callsheet.sharding.whole import Holder

SIZES = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 64}


def llama(**config: Any) -> LlamaForCausalLM:
    return LlamaForCausalLM(LlamaConfig(**{**SIZES, **config}))


class WithBuffers(LlamaForCausalLM):
    """A model that also saves something that is no parameter."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(config)
        self.register_buffer("seen", torch.arange(7))


class Experts(LlamaForCausalLM):
    """A model whose parameters stand in lists, as experts do."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(config)
        self.experts = torch.nn.ParameterList([torch.nn.Parameter(torch.randn(3, number + 1)) for number in range(5)])


MODELS: dict[str, Callable[[], PreTrainedModel]] = {
    "plain": llama,
    "tied": lambda: llama(tie_word_embeddings=True),
    "bfloat16": lambda: llama().bfloat16(),
    "buffers": lambda: WithBuffers(LlamaConfig(**SIZES)),
    "lists of parameters": lambda: Experts(LlamaConfig(**SIZES)),
    "transposed": lambda: GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=64)),
    "fused experts": lambda: MixtralForCausalLM(MixtralConfig(num_local_experts=2, num_key_value_heads=2, **SIZES)),
}


def files(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    return {path.name: load_file(path) for path in folder.glob("*.safetensors")}


def identical(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    assert one.keys() == other.keys()
    return all(torch.equal(one[name], other[name]) and one[name].dtype == other[name].dtype for name in one)


@pytest.mark.parametrize("kind", MODELS)
def test_a_folder_is_what_save_pretrained_would_have_written(kind: str, tmp_path: Path) -> None:
    model = MODELS[kind]()
    save_model(model, Sharding(model), tmp_path / "ours", lambda name: None)
    model.save_pretrained(tmp_path / "theirs")
    ours, theirs = files(tmp_path / "ours"), files(tmp_path / "theirs")
    assert sorted(path.name for path in (tmp_path / "ours").iterdir()) == sorted(
        path.name for path in (tmp_path / "theirs").iterdir()
    )
    assert all(identical(ours[name], theirs[name]) for name in theirs)
    assert (tmp_path / "ours" / "config.json").read_text() == (tmp_path / "theirs" / "config.json").read_text()


def test_a_large_model_is_split_into_files_with_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "_max_shard_size", lambda kind: 10_000)
    model = llama()
    save_model(model, Sharding(model), tmp_path / "ours", lambda name: None)
    model.save_pretrained(tmp_path / "theirs", max_shard_size=10_000)
    index = "model.safetensors.index.json"
    ours, theirs = (json.loads((tmp_path / whose / index).read_text()) for whose in ("ours", "theirs"))
    assert ours == theirs and len(set(ours["weight_map"].values())) > 2
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "ours")
    assert identical(dict(loaded.state_dict()), dict(model.state_dict()))


def test_other_weights_take_the_place_of_the_model_s_own(tmp_path: Path) -> None:
    model = llama(tie_word_embeddings=True)
    sharding = Sharding(model)
    save_model(model, sharding, tmp_path, lambda name: sharding.shards[name].read() + 1 if "embed" in name else None)
    saved = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert torch.equal(saved.lm_head.weight, model.lm_head.weight + 1)
    assert torch.equal(saved.model.norm.weight, model.model.norm.weight)


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


def test_what_is_borrowed_comes_back_also_after_a_failure() -> None:
    model = llama()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    sharding = Sharding(model)
    with pytest.raises(RuntimeError), sharding.borrowed():
        sharding.write(lambda name: torch.zeros(sharding.shards[name].length))
        assert not any(bool(parameter.any()) for parameter in model.parameters())
        raise RuntimeError
    assert identical(before, dict(model.state_dict()))


def spans(ranks: int) -> list[dict[str, tuple[int, int]]]:
    """Where `ranks` ranks would cut both tensors; the last of many has nothing of the smaller one."""
    cuts: list[dict[str, tuple[int, int]]] = [{} for _ in range(ranks)]
    for name, size in (("w", 35), ("v", 3)):
        step = -(-size // ranks)
        for rank in range(ranks):
            start = min(rank * step, size)
            cuts[rank][name] = (start, min(step, size - start))
    return cuts


def of_rank(sharding: Sharding, rank: int, cuts: dict[str, tuple[int, int]]) -> Sharding:
    """`sharding` as it would be on `rank` of several."""
    sharding.rank = rank
    for name, (start, length) in cuts.items():
        shard = replace(sharding.shards[name], start=start, length=length)
        sharding.shards[name] = sharding.chosen[name] = shard
        sharding._holders[name] = [Holder(rank, start, length)] if length else []
    return sharding


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


def test_weights_are_put_back_without_the_others_when_one_rank_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody_comes(*about: object) -> None:
        raise AssertionError("the other ranks are elsewhere")

    model = torch.nn.Linear(3, 2)
    sharding, before = Sharding(model), model.weight.detach().clone()
    shard = sharding.chosen["weight"]
    persistent = torch.zeros(6)
    sharding.chosen["weight"] = replace(shard, copy=lambda: persistent)
    monkeypatch.setattr(Sharding, "everywhere", nobody_comes)
    with pytest.raises(KeyboardInterrupt), sharding.borrowed():
        model.weight.data.fill_(7.0)
        persistent.fill_(7.0)
        raise KeyboardInterrupt
    assert torch.equal(model.weight, before) and not persistent.any()


def test_what_an_evaluation_gathered_is_not_taken_for_what_a_rank_keeps(tmp_path: Path) -> None:
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import DTensor

    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1)
    try:
        model: Any = fully_shard(torch.nn.Linear(3, 2), mesh=init_device_mesh("cpu", (1,)), reshard_after_forward=False)
        with torch.no_grad():
            model(torch.ones(1, 3))
        sharding = Sharding(model)
        assert isinstance(model.weight, DTensor)
        sharding.write(lambda name: torch.zeros(6 if name == "weight" else 2))
        assert not model(torch.ones(1, 3)).any()
    finally:
        dist.destroy_process_group()


def test_a_tensor_that_no_file_holds_is_named(tmp_path: Path) -> None:
    with pytest.raises(CallsheetError, match="lacks weight: it was copied without"):
        Stored(Sharding(torch.nn.Linear(3, 2)).chosen, tmp_path, "theta0").read("weight")


UNREACHABLE: dict[str, tuple[str, dict[str, Any]]] = {
    "on a disk": ("offload_param.device=nvme", {"ds_tensor": SimpleNamespace(final_location="nvme")}),
    "a second copy": ("zero_hpz_partition_size=2", {"ds_tensor": None, "ds_secondary_tensor": torch.ones(1)}),
}


@pytest.mark.parametrize("said", UNREACHABLE)
def test_what_zero_keeps_out_of_reach_is_refused_by_check_and_by_the_run(
    said: str, callsheet: Callable[..., Any]
) -> None:
    setting, parameter = UNREACHABLE[said]
    launch = ("launch=zero3", "launch.processes=2", f"launch.config.zero_optimization.{setting}")
    done = callsheet("check", "recipe=demo", "plugins=[bema]", *launch)
    assert done.returncode == 2 and "Plugin 'bema': Z" in done.stderr and said in done.stderr
    with pytest.raises(CallsheetError, match=said):
        zero.partition("w", SimpleNamespace(**parameter))


def test_what_takes_the_place_of_a_shared_file_leaves_the_other_names_of_it_alone(tmp_path: Path) -> None:
    first, second, shared = (tmp_path / f"{name}.safetensors" for name in ("first", "second", "shared"))
    first.write_bytes(b"first")
    second.write_bytes(b"second")
    link_or_copy(first, shared)
    link_or_copy(second, shared)
    assert shared.read_bytes() == b"second" and first.read_bytes() == b"first"
    assert shared.stat().st_ino == second.stat().st_ino
