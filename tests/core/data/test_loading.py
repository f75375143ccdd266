"""Data sets, loaded as training gets them."""

from __future__ import annotations

from typing import Any

import pytest

from callsheet.config.schema import DatasetSettings, SourceSettings
from callsheet.data import inspect, load
from core.data.conftest import WANTED, failure, only, rows, write

pytestmark = pytest.mark.usefixtures("own_cache")


def both(settings: DatasetSettings) -> tuple[Any, Any]:
    """Train and evaluation rows, untyped as `datasets` has no types."""
    return load(settings)


def test_a_folder_is_read_by_its_splits():
    rows("data/train.jsonl", 3)
    rows("data/test.jsonl", 2)
    settings = DatasetSettings(path="data", eval_path="data")
    train, held_out = both(settings)
    assert inspect(settings, WANTED) == []
    assert (len(train), len(held_out)) == (3, 2)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["data/notes.txt"], "holds no data file"),
        (["data/a.csv", "data/b.jsonl"], "mixes csv and json"),
        (["data/state.json"], "was written by save_to_disk"),
    ],
)
def test_folders_that_would_be_misread_are_refused(files: list[str], said: str):
    for file in files:
        rows(file, 1)
    assert said in only(inspect(DatasetSettings(path="data"), WANTED))
    assert said in failure(DatasetSettings(path="data"))


def test_an_unknown_split_or_configuration_lists_those_there_are():
    rows("data/train.jsonl", 3)
    assert failure(DatasetSettings(path="data", split="trian")) == (
        "Data set 'data' has no split 'trian'. Did you mean 'train'? It has: train."
    )
    assert "has no configuration 'defalt'. Did you mean 'default'?" in failure(
        DatasetSettings(path="data", name="defalt")
    )


def test_several_configurations_ask_for_a_choice():
    rows("data/a.jsonl", 1)
    names = "".join(f"- config_name: {name}\n  data_files: a.jsonl\n" for name in ("short", "long"))
    write("data/README.md", f"---\nconfigs:\n{names}---")
    said = failure(DatasetSettings(path="data"))
    assert said == "Data set 'data' has several configurations; choose one with `name`. It has: short, long."
    assert len(load(DatasetSettings(path="data", name="long"))[0]) == 1


def test_only_the_selected_columns_are_kept():
    train, held_out = both(DatasetSettings(path=rows("data.jsonl", 2, id=1), columns=["text"]))
    assert train.column_names == ["text"]
    assert held_out is None


def test_a_slice_of_a_split_is_taken():
    assert both(DatasetSettings(path=rows("data.jsonl", 10), split="train[:30%]"))[0]["text"] == [
        "row 0",
        "row 1",
        "row 2",
    ]


def test_a_slice_that_leaves_nothing_is_an_error():
    assert "data.jsonl" in failure(DatasetSettings(path=rows("data.jsonl", 10), split="train[:0]"))


def test_an_evaluation_file_needs_no_split_of_its_own():
    settings = DatasetSettings(path=rows("train.jsonl", 4), eval_path=rows("eval.jsonl", 2, start=9))
    assert both(settings)[1]["text"] == ["row 9", "row 10"]


@pytest.mark.parametrize(("size", "held"), [(3, 3), (0.25, 3)])
def test_held_out_rows_are_disjoint_and_the_seed_decides(size: float, held: int):
    path = rows("data.jsonl", 12)
    train, held_out = both(DatasetSettings(path=path, test_split_size=size, seed=1))
    again = both(DatasetSettings(path=path, test_split_size=size, seed=1))
    other = both(DatasetSettings(path=path, test_split_size=size, seed=2))
    assert len(held_out) == held
    assert set(train["text"]) | set(held_out["text"]) == {f"row {n}" for n in range(12)}
    assert not set(train["text"]) & set(held_out["text"])
    assert (again[0]["text"], again[1]["text"]) == (train["text"], held_out["text"])
    assert other[1]["text"] != held_out["text"]


@pytest.mark.parametrize("seed", range(5))
def test_a_mixture_is_drawn_by_weight_and_decided_by_its_seed(seed: int):
    sources = [SourceSettings(rows("a.jsonl", 40), weight=0.33), SourceSettings(rows("b.jsonl", 20, start=100))]
    settings = DatasetSettings(mixture=sources, seed=seed, test_split_size=0.2)
    train, held_out = both(settings)
    again, again_held_out = both(settings)
    drawn = [*train["text"], *held_out["text"]]
    assert len(drawn) == len(set(drawn)) == int(40 * 0.33) + 20
    assert len(held_out) == 7
    assert (again["text"], again_held_out["text"]) == (train["text"], held_out["text"])
    assert {f"row {n}" for n in range(100, 120)} < set(drawn)
    assert train["text"] != load(DatasetSettings(mixture=sources, seed=seed + 1, test_split_size=0.2))[0]["text"]


def test_a_mixture_is_what_open_r1_draws():
    from datasets import concatenate_datasets, load_dataset

    sources = [SourceSettings(rows("a.jsonl", 40), weight=0.5), SourceSettings(rows("b.jsonl", 20), weight=0.25)]
    parts = [load_dataset("json", data_files=source.path, split="train") for source in sources]
    drawn = [ds.shuffle(seed=3).select(range(int(len(ds) * s.weight))) for ds, s in zip(parts, sources, strict=True)]
    expected = concatenate_datasets(drawn).shuffle(seed=3).train_test_split(test_size=0.2, seed=3)
    train, held_out = both(DatasetSettings(mixture=sources, seed=3, test_split_size=0.2))
    assert (train["text"], held_out["text"]) == (expected["train"]["text"], expected["test"]["text"])


def test_weights_that_leave_no_rows_are_an_error():
    settings = DatasetSettings(mixture=[SourceSettings(rows("a.jsonl", 4), weight=0.1)])
    assert "weights of dataset.mixture" in only(inspect(settings, WANTED))
    assert "weights of dataset.mixture" in failure(settings)


def test_sources_whose_types_differ_do_not_mix():
    sources = [SourceSettings(rows("a.jsonl", 2)), SourceSettings(write("b.jsonl", '{"text": 1}'))]
    assert "do not fit together: The features can't be aligned" in failure(DatasetSettings(mixture=sources))
