"""How many GPUs a model gets."""

import json

import pytest

from callsheet_plugins.benchmarks.dispatch.local.gpus import divisor, needed, parameters_in, parameters_of

INDEX = "model.safetensors.index.json"


def model(folder, heads, parameters, **config):
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"num_attention_heads": heads, **config}))
    (folder / INDEX).write_text(json.dumps({"metadata": {"total_parameters": parameters}}))
    return folder


@pytest.mark.parametrize(("heads", "gpus"), [(64, 8), (40, 8), (28, 4), (12, 4), (14, 2), (25, 1)])
def test_a_large_model_is_spread_over_gpus_that_divide_its_heads(tmp_path, heads, gpus):
    assert needed(model(tmp_path, heads, 32_000_000_000)) == gpus


def test_a_small_model_is_not_spread(tmp_path):
    assert needed(model(tmp_path, 28, 7_000_000_000)) == 1 and needed(tmp_path / "absent") == 1


def test_the_heads_of_a_model_that_also_sees_are_those_of_its_text(tmp_path):
    assert needed(model(tmp_path, None, 72e9, text_config={"num_attention_heads": 28})) == 4


def test_parameters_are_counted_without_reading_weights(tmp_path):
    import numpy
    from safetensors.numpy import save_file

    for number in (1, 2):
        save_file(
            {f"w{number}": numpy.zeros((3, 5)), f"b{number}": numpy.zeros(7)}, tmp_path / f"m-{number}.safetensors"
        )
    (tmp_path / "broken.safetensors").write_bytes(b"x")
    assert parameters_of(tmp_path) == 2 * (15 + 7)


@pytest.mark.parametrize(
    ("name", "count"),
    [("Qwen/Qwen3-32B", 32e9), ("me/Mixtral-8x7B-v0.1", 56e9), ("a/SmolLM2-1.7B", 1.7e9), ("gpt2", 0), ("v1.5b2", 0)],
)
def test_where_the_hub_cannot_be_asked_the_name_tells(name, count):
    assert parameters_in(name) == count
    assert needed(None, name) == (8 if count >= 30e9 else 1)


def test_one_gpu_always_divides():
    assert divisor(7) == 1 and divisor(64, 6) == 4
