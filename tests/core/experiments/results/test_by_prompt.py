"""Beside the verdict: two single runs prompt by prompt, and the best of many checkpoints, each labelled for what it is."""

import json
import os

import numpy
import pytest

from callsheet.experiments import results
from callsheet.experiments.results.answers import answers_by_step
from callsheet.experiments.results.by_prompt import by_prompt
from core.experiments.results.experiments import Folder, run, scored

RANDOM = numpy.random.default_rng(0)
HARD = RANDOM.random(400)


def answered(folder, step, ahead=0.0, per_passage=0, weights="raw"):
    """Answers of a model at a step, and the row of evals.jsonl that names their file."""
    right = RANDOM.random(400) + ahead > HARD
    (folder / "predictions").mkdir(parents=True, exist_ok=True)
    file = f"predictions/test-{weights}-{step}.jsonl"
    more = [{"passage": number // per_passage} if per_passage else {} for number in range(400)]
    rows = [{"prompt": f"q{n}", "answer": "x", "right": bool(one), **more[n]} for n, one in enumerate(right)]
    (folder / file).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return scored(float(right.mean()), step=step, weights=weights, predictions=file)


def pair(path, ahead, **how):
    """One seed each of plain and bema."""
    made = Folder(path)
    for method, gain in (("plain", 0.0), ("bema", ahead)):
        name = made.add(method, 0, state="done", status="completed")
        run(path / name, evals=[answered(path / name, 8, gain, **how)])
    return made.record()


def test_one_seed_is_compared_prompt_by_prompt_and_labelled(tmp_path):
    summary = results.of(pair(tmp_path, 0.3).path)
    (found,) = by_prompt(summary).compared
    assert (found.of, found.than, found.verdict, found.prompts) == ("bema__s0", "plain__s0", "better", 400)
    results.write(tmp_path, summary, {"name": "x"})
    said = (tmp_path / "experiment.md").read_text()
    assert "bema and plain: no verdict on test.accuracy" in said
    assert "bema\\_\\_s0 and plain\\_\\_s0, prompt by prompt: the first is better, +0." in said
    assert "This compares two checkpoints, not two methods: another seed may turn it round." in said
    verdict = json.loads((tmp_path / "experiment.json").read_text())["verdict"]
    assert verdict["checkpoints"][0]["label"] == "two checkpoints, not two methods"
    assert verdict["comparisons"][0]["verdict"] == "no verdict" and verdict["best_checkpoint"] is None


def test_questions_of_one_passage_are_one_cluster(tmp_path):
    (found,) = by_prompt(results.of(pair(tmp_path, 0.3, per_passage=8).path)).compared
    assert (found.prompts, found.clusters) == (400, 50)
    assert "over 400 prompts in 50 clusters." in " ".join(by_prompt(results.of(tmp_path)).sentences)


def test_several_seeds_are_never_compared_by_prompt(tmp_path):
    made = Folder(tmp_path)
    for seed in range(3):
        for method in ("plain", "bema"):
            name = made.add(method, seed, state="done", status="completed")
            run(tmp_path / name, evals=[answered(tmp_path / name, 8)])
    assert by_prompt(results.of(made.record().path)).compared == ()


@pytest.mark.parametrize("damage", ["gone", "link", "outside", "odd", "fifo", "other metric"])
def test_answers_that_cannot_be_read_are_none(tmp_path, damage):
    made = pair(tmp_path, 0.3)
    file = tmp_path / "bema__s0" / "predictions" / "test-raw-8.jsonl"
    row = json.loads((tmp_path / "bema__s0" / "evals.jsonl").read_text())
    if damage in ("gone", "link", "fifo"):
        file.unlink()
    if damage == "link":
        file.symlink_to(tmp_path / "plain__s0" / "predictions" / "test-raw-8.jsonl")
    if damage == "fifo":
        os.mkfifo(file)
    if damage == "odd":
        file.write_text(
            '{"prompt": "q"}\n[]\n{"prompt": null, "right": 1}\n{"prompt": "a", "right": 1' + "0" * 400 + "}\n{"
        )
    if damage == "other metric":
        file.write_text('{"prompt": "q", "bleu": 3}\n')
    if damage == "outside":
        run(tmp_path / "bema__s0", evals=[{**row, "predictions": "../plain__s0/predictions/test-raw-8.jsonl"}])
    assert by_prompt(results.of(made.path)).compared == ()


def test_the_best_of_many_checkpoints_is_reported_on_the_other_half(tmp_path):
    made = Folder(tmp_path)
    name = made.add("plain", state="done", status="completed")
    steps = [answered(tmp_path / name, step) for step in range(0, 21)]
    run(tmp_path / name, evals=[*steps, answered(tmp_path / name, 20, weights="bema")])
    best = by_prompt(results.of(made.record().path)).best
    assert best.arm == "plain" and 1 <= best.step <= 20 and best.chosen.of == 20  # step 0 is no checkpoint
    assert best.chosen.naive == max(row["metrics"]["accuracy"] for row in steps[1:])
    assert best.chosen.chosen_on + best.chosen.reported_on == 400
    results.write(tmp_path, results.of(tmp_path))
    said = (tmp_path / "experiment.md").read_text()
    assert f"Of 20 checkpoints of plain, step {best.step} is the best on" in said and "flatters" in said


def test_rows_of_engines_are_told_apart_by_task_and_document(tmp_path):
    made = Folder(tmp_path, success_metric="test.acc")
    name = made.add("plain", state="done", status="completed")
    folder = run(tmp_path / name, evals=[scored(0.5, predictions="p.jsonl")])
    rows = [{"task": task, "doc_id": n, "prompt": "same", "acc": 1.0, "group": 3} for task in "ab" for n in range(2)]
    (folder / "p.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    arm = results.of(made.record().path).result.arms[0]
    (found,) = answers_by_step(arm, "test.acc").values()
    assert [answer.prompt for answer in found] == ["a:0", "a:1", "b:0", "b:1"] and found[0].cluster == "3"
    assert answers_by_step(arm, "eval_loss") == {} and answers_by_step(arm, "other.acc") == {}


def test_of_several_filters_each_metric_has_the_answers_of_its_own(tmp_path):
    made = Folder(tmp_path, success_metric="test.acc,strict")
    name = made.add("plain", state="done", status="completed")
    folder = run(tmp_path / name, evals=[scored(0.5, predictions="p.jsonl")])
    rows = [{"doc_id": 1, "filter": of, "acc": score} for of, score in (("strict", 0.0), ("flexible", 1.0))]
    (folder / "p.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    arm = results.of(made.record().path).result.arms[0]
    found = [answers_by_step(arm, f"test.acc{of}").popitem()[1] for of in (",strict", ",flexible", "")]
    assert [[answer.score for answer in answers] for answers in found] == [[0.0], [1.0], [0.0, 1.0]]
