"""What a trainer made of its data: rows in, rows left and steps are compared and said, for every trainer."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callsheet import CallsheetError
from callsheet.testing.trainers import ROWS

Run = Callable[..., Any]
LONG = "a prompt that alone is longer than the limit " * 4
LIMIT = "trainer.args.max_length=24"
EPOCH = ("trainer.args.max_steps=-1", "trainer.args.num_train_epochs=1")


def refusal(run_trainer: Run, *arguments: Any, **more: Any) -> str:
    with pytest.raises(CallsheetError) as caught:
        run_trainer(*arguments, **more)
    return str(caught.value)


def lengthened(trainer: str, count: int) -> list[dict[str, Any]]:
    """The rows of `trainer`, of which the last `count` have a prompt that is too long."""
    rows = ROWS[trainer]
    return [*rows[:-count], *({**row, "prompt": LONG} for row in rows[-count:])]


@pytest.mark.parametrize("trainer", ["sft", "dpo", "kto", "reward"])
def test_rows_that_are_all_cut_away_are_a_sentence(run_trainer: Run, trainer: str) -> None:
    said = refusal(run_trainer, trainer, "trainer.args.max_length=2")

    assert "run.jsonl': none of its 8 rows is left to train on." in said
    assert "trainer.args.max_length=2" in said and "Raise trainer.args.max_length" in said


def test_they_are_also_where_the_trainer_would_read_them_while_it_builds_itself(run_trainer: Run) -> None:
    said = refusal(run_trainer, "dpo", "trainer.args.max_length=2", "trainer.args.precompute_ref_log_probs=true")

    assert "none of its 8 rows is left to train on." in said


def test_text_that_leaves_no_token_to_predict_is_a_sentence(run_trainer: Run) -> None:
    said = refusal(run_trainer, "hf", "trainer.tokenize.max_length=1")

    assert "none of its 8 rows is left to train on. trainer.tokenize.max_length=1 cuts away" in said


@pytest.mark.parametrize("trainer", ["sft", "dpo", "kto", "reward"])
def test_rows_that_are_dropped_in_part_are_said_with_numbers(
    run_trainer: Run, caplog: pytest.LogCaptureFixture, trainer: str
) -> None:
    caplog.set_level(logging.INFO, "callsheet")

    session = run_trainer(trainer, LIMIT, rows=lengthened(trainer, 3))

    assert "run.jsonl': 3 of its 8 rows are left out. " in caplog.text and LIMIT in caplog.text
    assert "2 steps on 5 of 8 rows." in caplog.text
    [row] = [row for row in session.run_dir.rows("events.jsonl") if row["event"] == "data"]
    assert (row["max_steps"], row["train"]["given"], row["train"]["left"]) == (2, 8, 5)


def test_a_single_row_and_a_single_step_are_said_as_such(run_trainer: Run, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "callsheet")
    one = ("trainer.args.per_device_train_batch_size=1", "trainer.args.max_steps=1", "trainer.args.save_steps=1")

    run_trainer("sft", *one, rows=ROWS["sft"][:1], output_dir="one")
    run_trainer("sft", LIMIT, *one, rows=lengthened("sft", 1)[-2:], output_dir="two")

    assert "1 step on 1 row." in caplog.text and "1 step on 1 of 2 rows." in caplog.text
    assert "two.jsonl': 1 of its 2 rows is left out." in caplog.text
    assert "none of its 1 row holds any text." in refusal(run_trainer, "hf", *one, rows=[{"text": ""}])


def test_a_pair_counts_as_two_rows_where_it_is_made_into_two(
    run_trainer: Run, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "callsheet")

    run_trainer("kto", LIMIT, rows=lengthened("dpo", 1))

    assert "2 of its 16 rows are left out." in caplog.text and "2 steps on 14 of 16 rows." in caplog.text


@pytest.mark.parametrize("trainer", ["sft", "hf"])
def test_rows_that_stay_and_teach_nothing_are_said(
    run_trainer: Run, caplog: pytest.LogCaptureFixture, trainer: str
) -> None:
    tokens = [{"input_ids": [5, 6, 7], "labels": [-100, 6, 7]}, {"input_ids": [5, 6], "labels": [-100, -100]}]

    run_trainer(trainer, *(["trainer.args.max_length=null"] if trainer == "sft" else []), rows=tokens * 3)

    assert "run.jsonl': 3 of 6 rows teach nothing: they hold no token to learn from." in caplog.text
    assert "none of its 6 rows is left to train on" in refusal(
        run_trainer, trainer, *(["trainer.args.max_length=null"] if trainer == "sft" else []),
        rows=[tokens[1]] * 6, output_dir="other",
    )  # fmt: skip


def test_rows_without_text_are_left_out_and_said(run_trainer: Run, caplog: pytest.LogCaptureFixture) -> None:
    one = "trainer.args.per_device_train_batch_size=1"

    run_trainer("hf", one, rows=[{"text": ""}, *ROWS["hf"][:2], {"text": ""}], output_dir="some")

    assert "some.jsonl': 2 of its 4 rows are left out. They hold no text." in caplog.text
    assert "none of its 2 rows holds any text." in refusal(run_trainer, "hf", one, rows=[{"text": ""}] * 2)


def test_packed_rows_are_not_taken_for_lost_ones(run_trainer: Run, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "callsheet")

    run_trainer("sft", "trainer.args.packing=true", "trainer.args.packing_strategy=wrapped",
                "trainer.args.max_length=16", "trainer.args.per_device_train_batch_size=1")  # fmt: skip

    assert "2 steps on 8 rows packed into" in caplog.text and "left out" not in caplog.text


@pytest.mark.parametrize("trainer", ["sft", "dpo", "kto", "reward"])
def test_an_evaluation_set_that_is_cut_away_is_a_sentence(run_trainer: Run, tmp_path: Path, trainer: str) -> None:
    held_out = tmp_path / "held_out.jsonl"
    held_out.write_text("".join(json.dumps({**row, "prompt": LONG}) + "\n" for row in ROWS[trainer][:2]))

    said = refusal(run_trainer, trainer, LIMIT, f"dataset.eval_path={held_out}")

    assert "held_out.jsonl': none of its 2 rows is left to evaluate on." in said and LIMIT in said
    said = refusal(run_trainer, trainer, LIMIT, f"dataset.eval={{hard: {held_out}}}", output_dir="named")
    assert "Evaluation set 'hard': none of its 2 rows is left to evaluate on." in said


@pytest.mark.parametrize("length", [(), EPOCH])
def test_a_batch_that_is_never_full_is_a_sentence(run_trainer: Run, length: tuple[str, ...]) -> None:
    drop = ("trainer.args.per_device_train_batch_size=4", "trainer.args.dataloader_drop_last=true")

    said = refusal(run_trainer, "sft", *drop, *length, rows=ROWS["sft"][:3])

    assert said.startswith("No step can be taken: 3 rows do not fill one batch of 4, and ")


@pytest.mark.parametrize("trainer", ["grpo", "rloo"])
def test_fewer_prompts_than_a_generation_takes_are_a_sentence(run_trainer: Run, trainer: str) -> None:
    said = refusal(run_trainer, trainer, "trainer.args.generation_batch_size=8", rows=ROWS[trainer][:3])

    assert "3 rows are fewer than the 4 prompts of one generation batch" in said


def test_what_each_epoch_leaves_out_is_said(run_trainer: Run, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "callsheet")
    drop = ("trainer.args.per_device_train_batch_size=3", "trainer.args.dataloader_drop_last=true")

    run_trainer("sft", *drop)

    assert "2 steps on 8 rows, of which each epoch leaves out 2 that do not fill a batch." in caplog.text


def test_evaluation_in_full_batches_only_says_what_it_leaves_out(
    run_trainer: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    held_out = tmp_path / "held_out.jsonl"
    held_out.write_text("".join(json.dumps(row) + "\n" for row in ROWS["sft"][:5]))
    drop = (f"dataset.eval_path={held_out}", "trainer.args.dataloader_drop_last=true")

    run_trainer("sft", *drop, "trainer.args.per_device_eval_batch_size=2")

    assert "held_out.jsonl': 1 of 5 rows is never evaluated, because " in caplog.text
    said = refusal(run_trainer, "sft", *drop, "trainer.args.per_device_eval_batch_size=8", output_dir="other")
    assert "nothing can be evaluated. 5 rows do not fill one batch of 8, and " in said


def test_training_for_no_epoch_is_a_sentence(run_trainer: Run, tmp_path: Path) -> None:
    said = refusal(run_trainer, "sft", "trainer.args.max_steps=-1", "trainer.args.num_train_epochs=0")

    assert "num_train_epochs" in said


def test_all_ranks_come_to_one_verdict_and_one_of_them_speaks(callsheet: Run, tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in ROWS["sft"][:3]))
    tiny = (
        "model=demo", "launch=ddp", "launch.processes=2", "launch.threads=1", "trainer.args.use_cpu=true",
        "trainer.args.bf16=false", "trainer.args.max_steps=2", "trainer.args.per_device_train_batch_size=2",
        f"dataset.path={data}",
    )  # fmt: skip

    cut = callsheet("train", *tiny, "trainer.args.max_length=2", "output_dir=cut")
    dropped = callsheet("train", *tiny, "trainer.args.dataloader_drop_last=true", "output_dir=dropped")

    assert cut.returncode == 2 and cut.stderr.count("none of its 3 rows is left to train on") == 1, cut.stderr
    assert dropped.returncode == 2, dropped.stderr
    assert dropped.stderr.count("3 rows do not fill one batch of 4 (2 on each of 2 processes)") == 1, dropped.stderr
    assert json.loads((tmp_path / "dropped" / "run.json").read_text())["status"] == "failed"
    for done in (cut, dropped):
        assert "It has taken no step, so a mended command" in done.stderr and "To begin again" not in done.stderr
