"""Rows that are read while training goes on: their order, mixtures, what preflight refuses, and real steps."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from callsheet.config.schema import DatasetSettings, SourceSettings, TrainerSettings
from callsheet.data import inspect, load, streaming
from callsheet.errors import CallsheetError
from callsheet.testing.observing.runs import FSDP_ON_CPU
from callsheet.testing.trainers import ROWS

Run = Callable[..., Any]
STREAM = "dataset.streaming=true"
WANTED = TrainerSettings("sft", columns=["text"], args={"max_steps": 2})


pytestmark = pytest.mark.usefixtures("own_cache")


def written(name: str, count: int) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text("".join(json.dumps({"text": f"{name} {n}", "id": n}) + "\n" for n in range(count)))
    return name


def ids(settings: DatasetSettings, count: int) -> list[int]:
    rows, _ = load(settings)
    return [row["id"] for row in islice(rows, count)]


def test_a_stream_begins_again_after_its_last_row() -> None:
    settings = DatasetSettings(path=written("a.jsonl", 5), streaming=True, shuffle_buffer=0)

    assert inspect(settings, WANTED) == []
    assert ids(settings, 12) == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]


def test_a_buffer_shuffles_and_every_read_gives_the_same_order() -> None:
    settings = DatasetSettings(path=written("a.jsonl", 50), streaming=True, shuffle_buffer=20)
    other = DatasetSettings(path="a.jsonl", streaming=True, shuffle_buffer=20, seed=1)
    read = ids(settings, 100)

    assert read == ids(settings, 100) != ids(other, 100)
    assert read[:50] != sorted(read[:50]) and max(Counter(read[:50]).values()) <= 2


def test_a_folder_and_columns_are_streamed_too() -> None:
    for name in ("data/train-0.jsonl", "data/train-1.jsonl"):
        written(name, 3)
    rows, _ = load(DatasetSettings(path="data", streaming=True, columns=["text"], shuffle_buffer=0))

    assert [{*row} for row in islice(rows, 7)] == [{"text"}] * 7


def test_weights_say_how_often_a_row_comes_from_a_data_set() -> None:
    mixture = [SourceSettings(written("a.jsonl", 7), weight=0.9), SourceSettings(written("b.jsonl", 90), weight=0.3)]
    rows, _ = load(DatasetSettings(mixture=mixture, streaming=True))
    drawn = Counter(row["text"].split()[0] for row in islice(rows, 4000))

    assert drawn["a.jsonl"] / 4000 == pytest.approx(0.75, abs=0.03)


def test_evaluation_sets_are_read_whole() -> None:
    _, held_out = load(DatasetSettings(path=written("a.jsonl", 5), streaming=True, eval={"b": written("b.jsonl", 3)}))

    assert isinstance(held_out, dict) and len(held_out["b"]) == 3


def test_an_evaluation_set_of_the_hub_is_made_whole_from_its_stream() -> None:
    rows, _ = load(DatasetSettings(path=written("a.jsonl", 5), streaming=True, shuffle_buffer=0))

    found = streaming.whole(rows.take(4))

    assert len(found) == 4 and found[3] == {"text": "a.jsonl 3", "id": 3}


@pytest.mark.parametrize(
    ("more", "args", "message"),
    [
        ({}, {}, "needs trainer.args.max_steps: a stream has no end."),
        ({}, {"max_steps": -1}, "needs trainer.args.max_steps"),
        ({"test_split_size": 0.1}, {"max_steps": 2}, "cannot hold out dataset.test_split_size"),
        ({"split": "train[:10%]"}, {"max_steps": 2}, "dataset.split=train[:10%] is a part or a sum of splits."),
        ({}, {"max_steps": 2, "precompute_ref_log_probs": True}, "trainer.args.precompute_ref_log_probs=True"),
        ({}, {"max_steps": 2, "train_sampling_strategy": "group_by_length"}, "strategy=group_by_length, which needs"),
    ],
)
def test_what_a_stream_cannot_serve_is_refused_without_loading(more: Any, args: Any, message: str) -> None:
    settings = DatasetSettings(path=written("a.jsonl", 5), streaming=True, **more)

    [problem] = inspect(settings, TrainerSettings("sft", columns=["text"], args=args))

    assert problem.startswith("dataset.streaming=true ") and message in problem


def test_mistakes_of_a_stream_are_sentences() -> None:
    written("data/train.jsonl", 3)
    for settings, message in (
        (DatasetSettings(path=written("a.jsonl", 2), columns=["txt"]), "has no column 'txt'. Did you mean 'text'?"),
        (DatasetSettings(path="data", split="tran"), "has no split 'tran'. Did you mean 'train'?"),
    ):
        settings.streaming = True
        with pytest.raises(CallsheetError, match="Data set") as caught:
            load(settings)
        assert message in str(caught.value)


@pytest.mark.parametrize("trainer", ROWS)
def test_every_trainer_trains_on_a_stream_and_resumes_bit_for_bit(run_trainer: Run, trainer: str) -> None:
    steps = (STREAM, "plugins=[]", "trainer.args.lr_scheduler_type=constant", "trainer.args.warmup_steps=0",
             "trainer.args.learning_rate=0.01", "trainer.args.save_steps=7", "trainer.args.per_device_train_batch_size=2")  # fmt: skip
    whole = run_trainer(trainer, *steps, "trainer.args.max_steps=7", output_dir="whole")
    data = f"dataset.path={whole.run_dir.path.parent / 'whole.jsonl'}"

    # 5 steps of 2 rows have read more than the 8 rows that there are.
    run_trainer(trainer, *steps, data, "trainer.args.max_steps=5", output_dir="parts")
    resumed = run_trainer(trainer, *steps, data, "trainer.args.max_steps=7", output_dir="parts")

    one, other = (load_file(session.run_dir.path / "model.safetensors") for session in (whole, resumed))
    assert resumed.state.step == 7 and all(bool((one[name] == other[name]).all()) for name in one)
    assert [row["event"] for row in resumed.run_dir.rows("events.jsonl")].count("resuming") == 1


def test_a_stream_that_is_all_cut_away_is_a_sentence(run_trainer: Run) -> None:
    with pytest.raises(CallsheetError, match="none of its first 1000 rows is left to train on") as caught:
        run_trainer("sft", STREAM, "trainer.args.max_length=2")

    assert "trainer.args.max_length=2" in str(caught.value)


def test_what_is_lost_of_the_first_rows_of_a_stream_is_said(run_trainer: Run, caplog: pytest.LogCaptureFixture) -> None:
    long = {"prompt": "a prompt that alone is longer than the limit " * 4, "completion": "x"}

    run_trainer("sft", STREAM, "trainer.args.max_length=24", rows=[*ROWS["sft"], long, long])

    assert re.search(
        r"run.jsonl': \d+ of its first 1000 rows are left out. trainer.args.max_length=24 cuts", caplog.text
    )


def test_a_run_on_a_stream_that_is_resumed_at_its_last_step_ends(run_trainer: Run) -> None:
    run_trainer("sft", STREAM)

    assert run_trainer("sft", STREAM).state.step == 2


def files(folder: Path, count: int) -> Path:
    """A folder of files, each with rows of its own."""
    for number in range(count):
        part = folder / f"train-{number}.jsonl"
        part.parent.mkdir(exist_ok=True)
        part.write_text("".join(json.dumps({**row, "completion": f"{number}"}) + "\n" for row in ROWS["sft"]))
    return folder


TINY = (
    "model=demo", "launch.threads=1", "trainer.args.use_cpu=true", "trainer.args.bf16=false", "dataset.path=data", STREAM,
    "trainer.args.learning_rate=0.01", "trainer.args.lr_scheduler_type=constant", "trainer.args.logging_steps=1",
)  # fmt: skip


def trained(callsheet: Run, folder: str, steps: int, *settings: str) -> list[float]:
    """The loss of each step of a run as a command, which trains or resumes in `folder`."""
    path = str(FSDP_ON_CPU) if "launch=fsdp2" in settings else ""
    where = (f"trainer.args.max_steps={steps}", f"output_dir={folder}")
    done = callsheet("train", *TINY, *settings, *where, env={"PYTHONPATH": path} if path else {})
    assert done.returncode == 0, done.stderr
    rows = map(json.loads, Path(folder, "metrics.jsonl").read_text().splitlines())
    return [row["loss"] for row in rows if "loss" in row]


def same(one: str, other: str) -> bool:
    weights, others = (load_file(Path(folder, "model.safetensors")) for folder in (one, other))
    return all(bool((weights[name] == others[name]).all()) for name in weights)


@pytest.mark.parametrize(
    ("launch", "count"),
    [
        ("ddp", 1),
        ("ddp", 2),
        *(pytest.param(launch, 1, marks=pytest.mark.slow) for launch in ("zero3", "fsdp2")),
    ],
)
def test_two_processes_read_the_rows_of_one_and_resume_bit_for_bit(
    callsheet: Run, tmp_path: Path, launch: str, count: int
) -> None:
    files(tmp_path / "data", count)
    model = ("model.path=base", "model.init=pretrained")  # ZeRO-3 draws other random weights
    trained(callsheet, "base", 1, "trainer.args.per_device_train_batch_size=4")
    two = (*model, f"launch={launch}", "launch.processes=2", "trainer.args.per_device_train_batch_size=2")

    whole = trained(callsheet, "whole", 6, *two)
    trained(callsheet, "parts", 4, *two)
    trained(callsheet, "parts", 6, *two)

    assert same("whole", "parts")
    if count == 1:  # of two files, each process reads one
        alone = trained(callsheet, "alone", 6, *model, "trainer.args.per_device_train_batch_size=4")
        assert whole == pytest.approx(alone, rel=1e-3)


def test_workers_read_a_stream_and_resume_bit_for_bit(callsheet: Run, tmp_path: Path) -> None:
    files(tmp_path / "data", 2)
    workers = ("trainer.args.dataloader_num_workers=2", "trainer.args.per_device_train_batch_size=2")

    trained(callsheet, "whole", 6, *workers)
    trained(callsheet, "parts", 4, *workers)
    other = callsheet("check", *TINY, workers[1], "trainer.args.max_steps=6", "output_dir=parts")
    trained(callsheet, "parts", 6, *workers)

    assert same("whole", "parts")
    assert other.returncode == 2 and "trainer.args.dataloader_num_workers is 2 there and None here" in other.stderr


@pytest.mark.parametrize(
    ("count", "processes", "workers", "said"),
    [
        *(
            (count, processes, workers, "")
            for count, processes, workers in ((1, 1, 0), (1, 4, 3), (2, 2, 2), (8, 2, 2))
        ),
        (3, 2, 0, "The stream has 3 files, which 2 processes with 1 reader each cannot share evenly: "),
        (3, 1, 2, "The stream has 3 files, which 1 process with 2 readers each cannot share evenly: "),
        (6, 2, 2, "The stream has 6 files, which 2 processes with 2 readers each cannot share evenly: "),
    ],
)
def test_files_that_readers_cannot_share_evenly_are_said(
    tmp_path: Path, count: int, processes: int, workers: int, said: str
) -> None:
    rows, _ = load(DatasetSettings(path=str(files(tmp_path / "data", count)), streaming=True))

    assert streaming.uneven_share(rows, processes, workers).startswith(said)
    assert bool(streaming.uneven_share(rows, processes, workers)) is bool(said)


def test_a_run_says_it_once(run_trainer: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = files(tmp_path / "data", 3)

    run_trainer("sft", STREAM, f"dataset.path={data}", "trainer.args.dataloader_num_workers=2")

    assert caplog.text.count("The stream has 3 files, which 1 process with 2 readers each cannot share evenly") == 1
