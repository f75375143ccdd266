"""One digest for the same rows, wherever they come from and however they lie in memory."""

import json

import pytest

ROWS = [
    {
        "text": None if number % 7 == 0 else f"row {number}",
        "messages": [{"role": "user", "content": "a" * (number % 5)}],
    }
    for number in range(2500)
]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    from datasets import load_dataset

    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return load_dataset("json", data_files=str(path), split="train", cache_dir=str(path.parent / "cache"))


def digest(rows, *more):
    from callsheet.run.digests import digest

    return digest(rows, *more)


def test_the_way_to_the_rows_does_not_count(loaded):
    from datasets import Dataset, concatenate_datasets

    whole = digest(loaded)
    parts = [loaded.select(range(0, 1111)), loaded.select(range(1111, len(loaded)))]
    turned = loaded.select(range(len(loaded) - 1, -1, -1))
    assert digest(concatenate_datasets(parts)) == whole
    assert digest(turned.select(range(len(loaded) - 1, -1, -1))) == whole != digest(turned)
    assert digest(Dataset.from_list(ROWS, features=loaded.features)) == whole


def test_every_value_counts_and_so_does_every_row(loaded):
    others = [digest(loaded.select(range(2499))), digest(loaded.remove_columns("text"))]
    others.append(
        digest(loaded.map(lambda row, number: {"text": "x" if number == 2000 else row["text"]}, with_indices=True))
    )
    assert len({digest(loaded), *others}) == 4


def test_a_stream_has_none_and_who_is_stopped_has_none(loaded):
    assert digest(loaded.to_iterable_dataset()) is None and digest(loaded, lambda: True) is None


def test_what_takes_long_is_told_from_what_does_not(loaded, monkeypatch):
    from callsheet.run import digests

    assert digests.is_small(loaded) and digests.is_small(loaded.to_iterable_dataset())
    monkeypatch.setattr(digests, "SMALL", loaded.data.nbytes // 2)
    assert not digests.is_small(loaded) and digests.is_small(loaded.select(range(1000)))
