"""What a tracker gets of the run directory: each row once, whatever lies in it."""

import json
import math

import pytest

from callsheet.tracking.cursor import Cursor
from callsheet.tracking.follower.reading import Reading
from callsheet.tracking.names import Names

STARTED = 1_764_288_000.0


@pytest.fixture
def read(tmp_path):
    """Everything new, by a reading that goes on with one cursor."""
    cursor = Cursor()

    def new(names=None, again=False, **about):
        reading = Reading(tmp_path, names or Names(), about.get("max_rows", 100), STARTED)
        return [item for items in reading.items(Cursor() if again else cursor) for item in items]

    return new


def log(tmp_path, *rows, name="metrics.jsonl", end="\n"):
    with (tmp_path / name).open("a") as file:
        file.write("".join(f"{row if isinstance(row, str) else json.dumps(row)}{end}" for row in rows))


def train(step, **values):
    return {"step": step, "split": "train", "epoch": step / 10, "time": "2025-11-28T00:00:01.500+00:00", **values}


def points(items):
    return [(point.axis, point.step, dict(point.values)) for kind, point in items if kind == "point"]


def test_names_are_those_that_transformers_gives(tmp_path, read):
    log(tmp_path, train(1, loss=2.0, **{"bema/drift": 0.5}))
    log(tmp_path, {"step": 1, "split": "eval", "epoch": 0.1, "eval_loss": 1.0, "eval_bleu": {"a": 1}})
    log(tmp_path, {"step": 1, "split": "hard", "epoch": 0.1, "eval_hard_loss": 3.0})
    items = read()

    assert points(items) == [
        ("train", 1, {"train/epoch": 0.1, "train/loss": 2.0, "train/bema/drift": 0.5}),
        ("eval", 1, {"eval/loss": 1.0, "eval/bleu/a": 1}),
        ("eval/hard", 1, {"eval/hard/loss": 3.0}),
    ]
    assert [point.time for _, point in items] == [STARTED + 1.5, STARTED, STARTED]


def test_what_is_no_number_is_text_and_null_is_nan(tmp_path, read):
    log(tmp_path, train(1, loss=None, note="x" * 10_000, odd=[1, {"a": 2}], yes=True, huge=10**400))
    [(_, point)] = read()

    assert math.isnan(point.values["train/loss"]) and point.values["train/yes"] == 1
    assert point.values["train/huge"] == math.inf
    assert point.texts == {"train/note": "x" * 1_000, "train/odd": '[1, {"a": 2}]'}


def test_a_torn_last_line_is_read_when_it_is_whole(tmp_path, read):
    log(tmp_path, train(1, loss=1.0), '{"step": 2, "split": "train", "lo', end="")
    (tmp_path / "metrics.jsonl").write_text(json.dumps(train(1, loss=1.0)) + "\n" + '{"step": 2, "sp')
    assert [step for _, step, _ in points(read())] == [1]

    log(tmp_path, 'lit": "train", "loss": 1.0}')
    assert [step for _, step, _ in points(read())] == [2]


def test_damaged_lines_are_passed_over(tmp_path, read):
    log(tmp_path, train(1, loss=1.0), "{", "[]", "null", '{"step": "x"}', "\0\0\0", "", train(2, loss=1.0))

    assert [step for _, step, _ in points(read())] == [1, 2]


def test_steps_that_a_resume_repeats_are_told_once_and_new_names_of_them_too(tmp_path, read):
    log(tmp_path, *(train(step, loss=1.0) for step in (1, 2, 3)))
    read()
    log(tmp_path, *(train(step, loss=9.0, late=1.0) for step in (2, 3, 4)))

    assert [(step, {*values}) for _, step, values in points(read())] == [
        (2, {"train/late"}),
        (3, {"train/late"}),
        (4, {"train/loss", "train/late", "train/epoch"}),
    ]


def test_rows_of_one_step_each_bring_what_is_theirs(tmp_path, read):
    log(tmp_path, train(1, loss=1.0), train(1, mine=2.0), train(1, loss=3.0))

    assert [values for _, _, values in points(read())] == [{"train/epoch": 0.1, "train/loss": 1.0}, {"train/mine": 2.0}]


def test_a_log_that_was_replaced_by_a_shorter_one_is_read_again_and_told_once(tmp_path, read):
    log(tmp_path, *(train(step, loss=1.0) for step in range(1, 6)))
    read()
    (tmp_path / "metrics.jsonl").unlink()
    log(tmp_path, train(5, loss=1.0), train(6, loss=1.0))

    assert [step for _, step, _ in points(read())] == [6]


def test_a_thousand_metrics_of_a_step_are_one_point(tmp_path, read):
    log(tmp_path, train(1, **{f"m{number}": number for number in range(1_000)}))
    [(_, point)] = read()

    assert len(point.values) == 1_001


def test_names_that_would_become_one_stay_two_also_in_another_process(tmp_path, read):
    names = Names(r"[^a-z/_]", 60)
    long = "y" * 10_000
    log(tmp_path, train(1, **{"a:b": 1.0, "a?b": 2.0, long: 3.0}))
    [(_, point)] = read(names)
    log(tmp_path, train(2, **{"a?b": 5.0}))
    [(_, again)] = read(names)

    one, two = (name for name, value in point.values.items() if value in (1.0, 2.0))
    assert one == "train/a_b" and two.startswith("train/a_b-") and max(map(len, point.values)) <= 60
    assert [*again.values] == ["train/epoch", two]


def score(step, value, **others):
    row = {"key": f"sums:raw::{step}", "name": "sums", "metrics": {"exact_match": value}, "step": step}
    return {**row, "tags": {}, "weights": "raw", "breakdowns": {}, "predictions": None, **others}


def test_scores_have_their_own_axis_and_weights_their_own_name(tmp_path, read):
    log(tmp_path, score(4, 0.5, breakdowns={"easy": {"exact_match": 1.0}}), name="evals.jsonl")
    log(tmp_path, score(4, 0.6, key="sums:bema::4", tags={"weights": "bema"}), name="evals.jsonl")

    assert points(read()) == [
        ("bench/sums", 4, {"bench/sums/exact_match": 0.5, "bench/sums/easy/exact_match": 1.0}),
        ("bench/sums/bema", 4, {"bench/sums/bema/exact_match": 0.6}),
    ]


def test_a_score_that_a_resume_repeats_is_told_once_and_one_of_a_new_job_again(tmp_path, read):
    log(tmp_path, score(4, 0.5), score(2, 0.4), score(4, 0.5), name="evals.jsonl")
    log(tmp_path, score(4, 0.7, entry="job-1"), name="evals.jsonl")

    assert [(step, *values.values()) for _, step, values in points(read())] == [(4, 0.5), (2, 0.4), (4, 0.7)]


def test_a_score_of_no_step_stands_at_the_last_one(tmp_path, read):
    log(tmp_path, train(7, loss=1.0))
    log(tmp_path, score(None, 0.5), name="evals.jsonl")

    assert points(read())[-1][1] == 7


def test_predictions_are_a_table_cut_at_its_rows(tmp_path, read):
    (tmp_path / "predictions").mkdir()
    log(tmp_path, *({"prompt": str(n), "right": n > 1} for n in range(5)), name="predictions/sums-4.jsonl")
    log(tmp_path, score(4, 0.5, predictions="predictions/sums-4.jsonl"), name="evals.jsonl")
    log(tmp_path, score(6, 0.5, predictions="predictions/gone.jsonl"), name="evals.jsonl")
    log(tmp_path, score(8, 0.5, predictions="/etc/passwd"), name="evals.jsonl")
    [table] = [item for kind, item in read(max_rows=2) if kind == "rows"]

    assert (table.name, table.step, table.columns) == ("predictions/sums", 4, ["step", "weights", "prompt", "right"])
    assert table.rows == [[4, "raw", "0", "false"], [4, "raw", "1", "false"]]


def test_completions_come_once_for_each_source_of_a_step(tmp_path, read):
    (tmp_path / "completions").mkdir()
    row = {"step": 4, "index": 0, "prompt": [{"role": "user", "content": "1+1"}], "completion": "\x1b[31m<script>"}
    first = {**row, "source": "eval", "rewards": {"right": 0.5}, "scores": {}, "advantage": None}
    log(tmp_path, first, name="completions/4.jsonl")
    [(_, table)] = read()
    assert table.columns == ["step", "source", "index", "prompt", "completion", "advantage", "rewards/right"] or {
        *table.columns
    } == {"step", "source", "index", "prompt", "completion", "advantage", "rewards/right"}
    assert "\x1b[31m<script>" in table.rows[0]
    assert read() == []

    log(tmp_path, {**row, "source": "rollouts"}, name="completions/4.jsonl")
    log(tmp_path, {**row, "source": "eval", "completion": "x" * 1_000_000}, name="completions/12.jsonl")
    tables = [table for _, table in read()]
    assert [table.step for table in tables] == [4, 12] and read() == []
    assert max(len(str(cell)) for cell in tables[1].rows[0]) < 30_000


def test_checkpoints_and_revisions_come_once(tmp_path, read):
    complete = {"name": "checkpoint-4", "step": 4, "epoch": 1.0, "path": "checkpoint-4", "files": {}}
    revision = {"repo": "me/it", "branch": "main-4", "commit": "abc", "step": 4}
    log(tmp_path, complete, complete, {"name": "checkpoint-4", "revision": revision}, name="checkpoints.jsonl")
    log(tmp_path, {"name": "checkpoint-4", "revision": revision}, name="checkpoints.jsonl")

    assert [kind for kind, _ in read()] == ["checkpoint", "revision"]


def test_a_link_in_the_place_of_a_log_is_named(tmp_path, read):
    (tmp_path / "secret").write_text("{}\n")
    (tmp_path / "metrics.jsonl").symlink_to(tmp_path / "secret")

    with pytest.raises(OSError, match=r"metrics\.jsonl"):
        read()


def test_a_directory_that_is_still_empty_has_nothing(read):
    assert read() == []
