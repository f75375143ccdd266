"""`callsheet compare`: runs side by side, and how sure the difference of their scores is."""

import json
import os
import subprocess
import sys

import pytest

from ..made import make_experiment, make_run, write_json, write_rows


@pytest.fixture
def two(tmp_path):
    """Two runs of 60 prompts, of which the second is better, with another learning rate and a plugin more."""
    first = make_run(tmp_path / "first", prompts=60)
    second = make_run(tmp_path / "second", prompts=60, level=0.35, seed=1)
    record = json.loads((second / "run.json").read_text())
    record["config"]["trainer"]["args"]["learning_rate"] = 0.0001
    record["config"]["plugins"] = {"bema": {"lag": 10}}
    write_json(second / "run.json", record)
    return first, second


def test_settings_metrics_and_scores_stand_side_by_side(callsheet, two):
    done = callsheet("compare", "first", "second")
    said = [line.split() for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert ["A", "first", "completed"] in said and ["B", "second", "completed"] in said
    assert ["trainer.args.learning_rate", "0.001", "0.0001"] in said and ["plugins", "off", "on"] in said
    assert not any("model.path" in words for words in said)
    assert any(words[:1] == ["eval_loss"] and len(words) == 3 for words in said)
    assert any(words[:1] == ["test.exact_match"] and len(words) == 3 for words in said)


def test_a_difference_has_its_interval_and_says_what_it_compares(callsheet, two):
    rows = json.loads(callsheet("compare", "--json", "first", "second").stdout)
    (found,) = rows["comparisons"]
    low, high = found["interval"]
    scores = rows["scores"]["test.exact_match"]
    assert (
        found["difference"] == pytest.approx(scores[1]["value"] - scores[0]["value"])
        and low < found["difference"] < high
    )
    assert (found["prompts"], found["than_run"], found["of_run"]) == (60, 0, 1)
    assert found["label"] == "two checkpoints, not two methods"
    said = callsheet("compare", "first", "second").stdout
    assert "they compare two checkpoints, not two methods" in said and "B - A: +" in said and "60 prompts" in said


def test_answers_that_flipped_are_counted_and_shown_with_prompt_both_answers_and_target(callsheet, two):
    (found,) = json.loads(callsheet("compare", "--json", "first", "second", "--flips", "1000").stdout)["comparisons"]
    flips = found["flips"]
    assert flips["better"] - flips["worse"] == round(found["difference"] * 60)
    assert len(flips["first"]) == flips["better"] + flips["worse"]
    one = flips["first"][0]
    assert one["target"] == one["prompt"].removesuffix(" -> ")[::-1] and one["first"] != one["second"]
    said = callsheet("compare", "first", "second", "--flips", "2").stdout
    assert f"{flips['better']} became right, {flips['worse']} wrong, of 60" in said
    assert said.count(" prompt word") == said.count("    target ") == 2
    assert f"… and {len(flips['first']) - 2} more: --flips {len(flips['first'])}" in said
    assert " prompt word" not in callsheet("compare", "first", "second", "--flips", "0").stdout


def test_where_a_run_has_no_predictions_this_is_said(callsheet, two):
    first, second = two
    (second / "predictions" / "test-raw-100.jsonl").unlink()
    said = callsheet("compare", "first", "second").stdout
    assert "B - A: no interval, since of B, its answers are gone, or cannot be read" in said and "flipped" not in said
    rows = [json.loads(line) for line in (first / "evals.jsonl").read_text().splitlines()]
    write_rows(first / "evals.jsonl", [{**row, "predictions": None} for row in rows])
    assert "no interval, since of A, no answers were kept" in callsheet("compare", "first", "second").stdout


def test_two_scores_without_a_prompt_in_common_are_not_compared(callsheet, two):
    file = two[1] / "predictions" / "test-raw-100.jsonl"
    file.write_text(file.read_text().replace("word", "other"))
    assert "they share no prompt: A has 60 answers, B 60" in callsheet("compare", "first", "second").stdout


def test_scores_that_are_no_rights_and_wrongs_are_told_as_more_and_less(callsheet, two):
    for run, value in zip(two, (1.0, 2.5), strict=True):
        rows = [{"id": number, "question": f"q{number}", "response": "a", "score": value} for number in range(12)]
        write_rows(run / "predictions" / "test-raw-100.jsonl", rows)
    said = callsheet("compare", "first", "second").stdout
    assert "B - A: +1.5 [+1.5, +1.5]" in said and "12 got more, 0 less, of 12" in said


def test_an_experiment_is_all_of_its_arms_and_who_compares_methods_is_said(callsheet, tmp_path):
    make_experiment(tmp_path / "exp", seeds=2)
    done = callsheet("compare", "exp")
    assert [line.split()[1] for line in done.stdout.splitlines()[1:5]] == [
        *("bema-seed-0", "bema-seed-1", "plain-seed-0", "plain-seed-1")
    ]
    assert "callsheet experiment status exp\n" in done.stdout and done.stdout.count("- A: ") == 3
    assert " prompt word" not in done.stdout


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_all_of_many_runs_is_shown_on_a_narrow_screen(callsheet, tmp_path, columns):
    make_experiment(tmp_path / "exp", seeds=9, steps=50)
    done = callsheet("compare", "exp", "--flips", "1", env={"COLUMNS": str(columns)})
    assert done.returncode == 0 and max(map(len, done.stdout.splitlines())) <= columns
    headers = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("metrics ")]
    assert [mark for header in headers for mark in header] == [*"ABCDEFGHIJKLMNOPQR"]
    assert (len(headers) > 1) == (columns < 200)


def test_of_a_folder_what_is_no_run_is_named_and_the_others_are_compared(callsheet, tmp_path):
    make_experiment(tmp_path / "exp", seeds=1)
    (tmp_path / "exp" / "odd").mkdir()
    os.mkfifo(tmp_path / "exp" / "odd" / "run.json")
    done = callsheet("compare", "exp")
    assert done.returncode == 0 and "odd/run.json is a FIFO" in done.stderr and "B - A: " in done.stdout
    done = callsheet("compare", "exp/bema-seed-0", "exp/odd")
    assert done.returncode == 2 and "odd/run.json is a FIFO" in done.stderr and not done.stdout


def test_runs_without_evaluation_of_one_step_or_of_another_kind_are_compared(callsheet, tmp_path):
    make_run(tmp_path / "a", steps=1, eval_every=0, scores=False)
    make_run(tmp_path / "b c\x1b[31m", steps=1, eval_every=1, scores=False)
    write_json(tmp_path / "half.json", {})
    (tmp_path / "half").mkdir()
    write_json(tmp_path / "half" / "run.json", {"run": "half", "status": "running"})
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "run.json").write_text("{")
    (tmp_path / "half" / "metrics.jsonl").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "damaged" / "evals.jsonl")
    done = callsheet("compare", "a", "b c\x1b[31m", "half", "damaged")
    assert done.returncode == 0 and "\x1b" not in done.stdout and "No run has a score." in done.stdout
    assert [line.split()[-1] for line in done.stdout.splitlines()[1:5]] == [
        "completed",
        "completed",
        "dead",
        "unreadable",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["first"], "Two runs are needed to compare, and this is one: "),
        (["first", "first/../first"], "Two runs are needed to compare, and this is one: "),
        (["first", "secnd"], "There is no folder secnd."),
        (["first", "notes"], "notes holds no Callsheet run."),
        (["first", "second", "--flips", "-1"], "-1 is not in the range"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_compared_is_refused(callsheet, two, words, said):
    (two[0].parent / "notes").mkdir()
    done = callsheet("compare", *words)
    assert done.returncode == 2 and said in done.stderr and len(done.stderr.splitlines()) == 1


def test_it_imports_nothing_heavy(two):
    code = (
        "import sys; sys.argv = ['callsheet', 'compare', 'first', 'second']\n"
        "from callsheet.cli.main import cli\n"
        "cli.main(standalone_mode=False)\n"
        "heavy = ('torch', 'numpy', 'scipy', 'pyarrow', 'pandas', 'plotly', 'jinja2')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=two[0].parent, check=True)
    assert "60 prompts" in done.stdout and done.stdout.splitlines()[-1] == "[]"
