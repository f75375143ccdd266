"""Data sets: what is known to be wrong with their files before anything is loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.version import Version

from callsheet.config.schema import DatasetSettings, SourceSettings, TrainerSettings
from callsheet.data import inspect, load
from core.data.conftest import WANTED, failure, only, rows, write

since_4_8 = pytest.mark.skipif(Version(version("datasets")) < Version("4.8"), reason="datasets 4.7 cannot read it")
pytestmark = pytest.mark.usefixtures("own_cache")


def test_a_good_file_has_no_problems():
    assert inspect(DatasetSettings(path=rows("data.jsonl", 3)), WANTED) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.json", '[\n {"text": "a"},\n {"text": "b"}\n]'),
        pytest.param("one.json", '{\n "text": "a"\n}', marks=since_4_8),
        ("lines.json", '{"text": "a"}\n{"text": "b"}'),
        pytest.param("gaps.jsonl", '\ufeff{"text": "a"}\n\n{"text": "b"}\n\n', marks=since_4_8),
        ("quoted.csv", 'text,id\n"two\n\nlines",1\nplain,2'),
    ],
)
def test_every_layout_that_loads_passes(name: str, text: str):
    settings = DatasetSettings(path=write(name, text))
    assert inspect(settings, WANTED) == []
    assert "text" in load(settings)[0].column_names


def test_parquet_is_known_by_its_schema():
    import datasets

    datasets.Dataset.from_dict({"body": ["a", "b"]}).to_parquet("data.parquet")
    assert "has the columns body;" in only(inspect(DatasetSettings(path="data.parquet"), WANTED))
    assert (
        inspect(
            DatasetSettings(path="data.parquet"),
            TrainerSettings("sft", columns=["text"], args={"dataset_text_field": "body"}),
        )
        == []
    )
    assert len(load(DatasetSettings(path="data.parquet"))[0]) == 2


def test_a_missing_file_suggests_the_nearest_name():
    rows("data.jsonl", 1)
    assert only(inspect(DatasetSettings(path="dta.jsonl"), WANTED)) == (
        "Data file 'dta.jsonl' does not exist. Did you mean 'data.jsonl'?"
    )
    Path("more").mkdir()
    rows("more/data.jsonl", 1)
    assert only(inspect(DatasetSettings(path="more/dta.jsonl"), WANTED)).endswith("Did you mean 'more/data.jsonl'?")


def test_a_missing_folder_is_named():
    assert "nor does its folder 'nowhere'" in only(inspect(DatasetSettings(path="nowhere/data.jsonl"), WANTED))


def test_a_malformed_line_is_quoted_with_its_number():
    write("data.jsonl", *['{"text": "fine"}'] * 16, '{"text": "a" "b": 1}')
    assert only(inspect(DatasetSettings(path="data.jsonl"), WANTED)) == (
        'data.jsonl, line 17: Expecting \',\' delimiter at column 14. The line says \'{"text": "a" "b": 1}\'.'
    )


def test_a_long_line_is_cut_around_the_mistake():
    write("data.jsonl", json.dumps({"text": "x" * 500})[:-1] + " oops " + "y" * 500)
    said = only(inspect(DatasetSettings(path="data.jsonl"), WANTED))
    assert "oops" in said and len(said.partition("says")[2]) < 70


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("list.jsonl", '{"text": "a"}\n[1, 2]', "list.jsonl, line 2: a row must be an object in braces, not '[1, 2]'."),
        ("rows.json", '[{"text": "a"},\n 7]', "rows.json, row 2: a row must be an object"),
        ("open.json", '[{"text": "a"},\n{"text": "b"\n', "open.json, line 2: Expecting ',' delimiter"),
        ("wide.csv", "text,id\n\na,1\nb,2,3", "wide.csv, line 4: 3 fields where the header has 2: text, id."),
        ("header.csv", "text,id", "Data file 'header.csv' has no rows."),
        ("blank.jsonl", "\n\n", "Data file 'blank.jsonl' has no rows."),
        ("false.parquet", "text", "'false.parquet' is not a Parquet file"),
        ("notes.txt", "text", "The format of './notes.txt' is unknown: the name of a data file ends in .jsonl"),
    ],
)
def test_unreadable_files_are_explained(name: str, text: str, said: str):
    write(name, text)
    path = name if name != "notes.txt" else "./notes.txt"
    assert said in only(inspect(DatasetSettings(path=path), WANTED))
    assert said in failure(DatasetSettings(path=path))


def test_an_empty_file_is_said_to_be_empty():
    Path("data.jsonl").touch()
    assert only(inspect(DatasetSettings(path="data.jsonl"), WANTED)) == "Data file 'data.jsonl' is empty."
    assert failure(DatasetSettings(path="data.jsonl")) == "Data file 'data.jsonl' is empty."


def test_a_byte_that_is_not_utf8_is_found():
    Path("data.jsonl").write_bytes(b'{"text": "a"}\n{"text": "\xe9"}\n')
    assert "data.jsonl, line 2: byte 0xe9 at position 10 is not UTF-8" in only(
        inspect(DatasetSettings(path="data.jsonl"), WANTED)
    )


def test_columns_the_trainer_cannot_use_are_named_with_the_nearest():
    rows("data.jsonl", 2)
    write("data.jsonl", '{"mesages": [], "id": 1}')
    assert only(inspect(DatasetSettings(path="data.jsonl"), WANTED)) == (
        "Data set 'data.jsonl' has the columns mesages, id; trainer=sft needs messages, or prompt+completion, or text, "
        "or input_ids. Did you mean 'messages' by 'mesages'?"
    )


def test_columns_that_belong_together_must_all_be_there():
    half, whole = write("half.jsonl", '{"prompt": "a"}'), write("whole.jsonl", '{"prompt": "a", "completion": "b"}')
    assert "prompt+completion" in only(inspect(DatasetSettings(path=half), WANTED))
    assert inspect(DatasetSettings(path=whole), WANTED) == []


def test_the_text_column_is_the_one_that_text_field_names():
    settings = DatasetSettings(path=write("data.jsonl", '{"text": "a"}'))
    trainer = TrainerSettings("sft", columns=["messages", "text"], args={"dataset_text_field": "content"})
    assert "trainer=sft needs messages, or content." in only(inspect(settings, trainer))


def test_selected_columns_must_exist_and_suffice():
    path = rows("data.jsonl", 2, id=1)
    assert "has no column 'txet'. Did you mean 'text'? It has: text, id." in only(
        inspect(DatasetSettings(path=path, columns=["txet"]), WANTED)
    )
    assert "has the columns id;" in only(inspect(DatasetSettings(path=path, columns=["id"]), WANTED))


def test_the_evaluation_file_is_looked_at_too():
    settings = DatasetSettings(path=rows("train.jsonl", 2), eval_path=write("eval.jsonl", '{"txt": "a"}'))
    assert "'eval.jsonl' has the columns txt" in only(inspect(settings, WANTED))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (DatasetSettings(), "set dataset.path, or dataset.mixture"),
        (DatasetSettings(path="a", mixture=[SourceSettings("b")]), "dataset.path and dataset.mixture are both set"),
        (DatasetSettings(path="a", eval_path="b", test_split_size=1), "dataset.eval_path and dataset.test_split_size"),
        (DatasetSettings(path="no id at all"), "it cannot be an id on the Hub"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: DatasetSettings, said: str):
    assert said in only(inspect(settings, WANTED))
    assert said in failure(settings)


@pytest.mark.parametrize(
    ("size", "said"),
    [(5, "holds out 5 of 5 rows"), (0.9, "holds out 5 of 5 rows"), (1.5, "a number of rows is a whole number")],
)
def test_holding_out_everything_is_refused(size: float, said: str):
    settings = DatasetSettings(path=rows("data.jsonl", 5), test_split_size=size)
    assert said in only(inspect(settings, WANTED))
    assert said in failure(settings)


def test_a_file_has_only_the_split_train():
    settings = DatasetSettings(path=rows("data.jsonl", 5), split="trian")
    assert "has only the split 'train', and dataset.split=trian" in only(inspect(settings, WANTED))
    assert "has only the split 'train'" in failure(settings)


def test_sources_with_different_columns_do_not_mix():
    sources = [SourceSettings(rows("a.jsonl", 2)), SourceSettings(rows("b.jsonl", 2, id=1))]
    said = "dataset.mixture[0] has the columns text, but dataset.mixture[1] has text, id."
    assert said in only(inspect(DatasetSettings(mixture=sources), WANTED))
    assert said in failure(DatasetSettings(mixture=sources))
    assert inspect(DatasetSettings(mixture=sources, columns=["text"]), WANTED) == []


def test_a_data_set_on_the_hub_is_left_alone():
    assert inspect(DatasetSettings(path="trl-lib/Capybara"), WANTED) == []


def test_looking_imports_nothing_heavy():
    code = (
        "import sys; from callsheet.data import inspect; from callsheet.config.schema import DatasetSettings, TrainerSettings;"
        f"assert inspect(DatasetSettings(path={rows('data.jsonl', 2)!r}), TrainerSettings('sft', columns=['text'])) == [];"
        "heavy = {'torch', 'transformers', 'trl', 'datasets', 'pandas'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_large_file_is_looked_at_in_part(monkeypatch: pytest.MonkeyPatch):
    write("data.jsonl", *['{"text": "fine"}'] * 50, "oops")
    monkeypatch.setattr("callsheet.data.contents.QUICK_LINES", 50)
    assert inspect(DatasetSettings(path="data.jsonl", test_split_size=50), WANTED) == []
    assert "data.jsonl, line 51: Expecting value" in failure(DatasetSettings(path="data.jsonl"))


def test_a_folder_is_looked_at_file_by_file_up_to_the_same_limit(monkeypatch: pytest.MonkeyPatch):
    rows("data/a.jsonl", 5)
    write("data/b.jsonl", "oops")
    assert "data/b.jsonl, line 1: Expecting value" in only(inspect(DatasetSettings(path="data"), WANTED))
    monkeypatch.setattr("callsheet.data.contents.QUICK_BYTES", 10)
    assert inspect(DatasetSettings(path="data"), WANTED) == []
