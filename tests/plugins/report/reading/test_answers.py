"""Answers of every engine, joined by the same ids as verdicts join them."""

from typing import Any

import pytest

from callsheet.experiments.results.answers import answers_by_step
from callsheet.results import ArmResult, EvalResult
from callsheet_plugins.report.gathered import RunData
from callsheet_plugins.report.reading import answers as reading
from callsheet_plugins.report.reading.answers import Answered, answers

from ..made import at, eval_row, make_run, write_rows

OWN = {"prompt": "ab -> ", "completion": "ba", "answer": "bb", "right": False}
LM_EVAL = {
    "task": "gsm8k",
    "doc_id": 3,
    "doc": {"question": "2+2?", "answer": "so #### 4"},
    "target": "4",
    "arguments": {"gen_args_0": {"arg_0": "Q: 2+2?"}},
    "resps": [["It is 4", "5"]],
    "filtered_resps": ["4"],
    "exact_match": 1.0,
}
LIGHTEVAL = {
    "task": "math",
    "doc": {"id": "7", "query": "1+1", "choices": ["2"], "gold_index": 0},
    "model_response": {"text": ["2"]},
    "metric": {"acc": 1},
}


def read(folder, *rows: dict[str, Any]) -> list[Answered]:
    folder.mkdir(exist_ok=True)
    (folder / "run.json").write_text('{"status": "completed"}')
    (folder / "predictions").mkdir(exist_ok=True)
    write_rows(folder / "predictions" / "p.jsonl", rows)
    write_rows(folder / "evals.jsonl", [eval_row("test", {"acc": 0.5}, 5, None, "predictions/p.jsonl", at(1))])
    run = RunData(folder, "x")
    return answers(run, run.scores[0])


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (OWN, Answered(":ab -> ", "ab -> ", "bb", "ba", {"right": 0.0})),
        (LM_EVAL, Answered("gsm8k:3", "2+2?", "4", "4", {"exact_match": 1.0})),
        (LIGHTEVAL, Answered("math:7", "1+1", "2", "2", {"acc": 1.0})),
        ({"prompt": "a", "completion": "b", "score": 0.5}, Answered(":a", "a", "b", "", {"score": 0.5})),
        (
            {"id": 1, "prompt": [{"role": "user", "content": "hi"}], "response": "yes", "group": "g", "score": None},
            Answered(":1", "user: hi", "yes", "", {}, '"g"'),
        ),
        ({"prompt": {"odd": 1}, "answer": 5}, Answered(':{"odd": 1}', '{"odd": 1}', "5", "", {})),
    ],
)
def test_the_fields_of_each_engine_are_known(tmp_path, row, expected):
    found = read(tmp_path / "run", row)
    assert [(one.id, one.answer, one.target, dict(one.scores), one.cluster) for one in found] == [
        (expected.id, expected.answer, expected.target, expected.scores, expected.cluster)
    ]
    assert expected.prompt.removeprefix("user: ") in found[0].prompt


def test_ids_and_scores_are_those_of_verdicts(tmp_path):
    run = make_run(tmp_path / "run", steps=50, checkpoint_every=50)
    arm = ArmResult("run", evals=[EvalResult("test", {"exact_match": 0.5}, step=50)], run_dir=run)
    by_verdict = answers_by_step(arm, "test.exact_match")[50]
    data = RunData(run, "run")
    found = answers(data, next(score for score in data.scores if score.step == 50))
    assert [(one.id, one.scores["right"], one.cluster) for one in found] == [
        (one.prompt, one.score, one.cluster) for one in by_verdict
    ]


def test_what_names_no_prompt_is_left_out(tmp_path):
    assert read(tmp_path / "run", {"score": 1}, {"prompt": None}, {"prompt": "a"}, {}) == [
        Answered(":a", "a", "", "", {})
    ]


def test_a_file_that_is_gone_torn_or_elsewhere_gives_what_it_can(tmp_path):
    run = make_run(tmp_path / "run", steps=50, checkpoint_every=50)
    data = RunData(run, "run")
    first, last = data.scores
    with (run / last.predictions).open("a") as file:
        file.write('{"prompt": "to')
    (run / first.predictions).unlink()
    assert (len(answers(data, first)), len(answers(data, last))) == (0, 20)
    assert data.faults == [f"{last.predictions}: its last line is torn, as a kill leaves it, and was left out."]
    (run / first.predictions).symlink_to(tmp_path / "run" / "metrics.jsonl")
    assert answers(data, first) == []
    assert "is a symbolic link" in data.faults[-1]


def test_so_many_answers_are_read_and_the_rest_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST", 3)
    folder = tmp_path / "run"
    assert len(read(folder, *[{"prompt": str(number)} for number in range(5)])) == 3


@pytest.mark.parametrize("place", ["../secret.jsonl", "/etc/passwd", "predictions/../../secret.jsonl", "."])
def test_no_file_outside_of_the_run_is_read(tmp_path, place):
    run = make_run(tmp_path / "run")
    write_rows(tmp_path / "secret.jsonl", [{"prompt": "secret"}])
    write_rows(run / "evals.jsonl", [eval_row("test", {"acc": 0.5}, 5, None, place, at(1))])
    data = RunData(run, "run")
    assert answers(data, data.scores[0]) == []
