"""An entry of `benchmarks` whose payload is none fails at once, with the field."""

from dataclasses import asdict

import pytest

from callsheet.disk.typed import Malformed
from callsheet.outbox import Delivery, Entry
from callsheet_plugins.benchmarks import payloads
from callsheet_plugins.benchmarks.definitions import Benchmark
from callsheet_plugins.benchmarks.dispatch.local.gpus import heads_of, parameters_of
from callsheet_plugins.benchmarks.handler import BenchmarkHandler

RUNNING = {"attempts": 2, "dispatch": "local", "local": {"slots": 1, "devices": [], "threads": None}}
GOOD = {
    **{"identity": "i", "repo": "", "commit": None, "branch": "", "step": 1, "checkpoint": "", "weights": "raw"},
    **{"running": RUNNING, "cwd": "/", "name": "words", "settings": asdict(Benchmark())},
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": None}, "its payload: name is null, text is needed"),
        ({"settings": []}, "its payload: settings is a list, an object is needed"),
        ({"settings": {"seconds": "x"}}, "its payload, settings: seconds is text, a number or null is needed"),
        ({"running": {"dispatch": "local"}}, "its payload: running has no attempts"),
        ({"running": {**RUNNING, "local": {"slots": 0}}}, "its payload: running.local.slots is 0, and 1 is the least"),
        ({"running": {**RUNNING, "local": 3}}, "its payload: running.local is a whole number"),
        ({"step": "1"}, "its payload: step is text, a whole number or null is needed"),
        ({"benchmarks": ["a"]}, "its payload: benchmarks is a list, an object is needed"),
    ],
)
def test_the_field_is_named(tmp_path, change, said):
    with pytest.raises(Malformed) as error:
        BenchmarkHandler(tmp_path).deliver(Delivery(Entry("a", "benchmarks", "k", {**GOOD, **change}, 1.0), tmp_path))
    assert str(error.value).startswith(said)


def test_what_a_later_version_added_is_left_aside():
    payloads.check({**GOOD, "later": 1, "settings": {**GOOD["settings"], "later": [1]}})
    assert payloads.settings_of({"settings": {"task": "t", "later": 1}}) == Benchmark(task="t")


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, '{"num_attention_heads": "x"}', '{"metadata": 3}'])
def test_a_model_whose_files_say_nothing_needs_what_one_without_them_does(tmp_path, text):
    for name in ("config.json", "model.safetensors.index.json", "model.safetensors"):
        (tmp_path / name).write_text(text)
    assert (heads_of(tmp_path), parameters_of(tmp_path)) == (64, 0)
