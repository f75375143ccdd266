"""The report says who won, how sure that is, what failed and how to go on; the record is strict JSON without secrets."""

import json
import re
from pathlib import Path

import pytest

from callsheet.experiments import results
from core.experiments.results.experiments import Folder, scored, two_methods


def report(made, **record):
    results.write(made.path, results.of(made.path), record or None)
    return (made.path / "experiment.md").read_text()


def test_the_report_has_it_all(tmp_path):
    made = two_methods(tmp_path / "demo", plain=(0.50, 0.52, None, 0.51), hypothesis="Averaging *helps*")
    for seed in range(4):
        made.done("rl", seed, (0.51, 0.50, 0.52, 0.515)[seed], evals=[scored(0.25, name="gsm8k")])
    made.add("rl", 5)
    said = report(made.record())
    assert said.startswith(
        "# demo\n\nHypothesis: Averaging \\*helps\\*\n\n13 runs: 11 completed, 1 failed, 1 pending.\n"
    )
    assert (
        "- bema is better than plain in test.accuracy: +0.033 (97.5 % from +0.013 to +0.054), over 3 seeds, which could have "
        in said
    )
    assert "- rl and plain: no difference shown in test.accuracy over 3 seeds, which could have shown " in said
    assert "| bema | 4 (3 pairs) | 0.536 ± 0.019 | +0.033 | +0.013 to +0.054 | better | 0.027 |  |" in said
    assert "each interval holds at 95 % to 97.5 %" in said and "80 % of experiments" in said
    assert "| gsm8k.accuracy | rl | 4 | 0.250 ± 0.000 |" in said
    assert "| plain\\_\\_s2 | failed: CUDA out of memory |" in said
    assert f"`callsheet experiment resume {made.path}`" in said and "--rerun plain__s2`" in said


def test_the_record_gets_the_arms_and_the_verdict_in_strict_json(tmp_path):
    made = two_methods(tmp_path)
    made.done("odd", 0, None, metrics={"eval_loss": None}, evals=[scored(None)])
    report(made.record(), format=1, name="demo", ids={"group:bema": "g"})
    found = json.loads((tmp_path / "experiment.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert (found["format"], found["ids"], found["verdict"]["baseline"]) == (1, {"group:bema": "g"}, "plain")
    arm = found["arms"][1]
    assert (arm["name"], arm["state"], arm["status"], arm["run_dir"], arm["score"]) == (
        *("bema__s0", "done", "completed", "bema__s0", 0.53),
    )
    assert arm["evals"] == {"test": {"accuracy": 0.53}} and arm["attempts"][0]["seconds"] == 600.0
    assert found["arms"][-1]["score"] is None and found["arms"][-1]["evals"] == {"test": {"accuracy": None}}


def test_no_secret_reaches_either(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "correct horse battery")
    token = "hf_" + "a1B2" * 9
    made = two_methods(tmp_path, hypothesis=f"{token} helps")
    made.failed("plain", 9, error=f"401 for {token} and correct horse battery")
    said = report(made.record(), name="demo", command={"overrides": [token]})
    both = said + (tmp_path / "experiment.json").read_text()
    assert token not in both and "correct horse battery" not in both and "***" in both


def test_an_experiment_of_nothing_has_a_report(tmp_path):
    assert "There is no arm." in report(Folder(tmp_path).record())


def test_a_link_in_place_of_the_report_gives_way(tmp_path):
    made = two_methods(tmp_path / "exp")
    (tmp_path / "precious").write_text("mine")
    (made.path / "experiment.md").symlink_to(tmp_path / "precious")
    assert "## Who won" in report(made) and (tmp_path / "precious").read_text() == "mine"


def test_a_thousand_failures_are_summed_up(tmp_path):
    made = Folder(tmp_path)
    for seed in range(60):
        made.failed("plain", seed, error="x" * 5000 + "\nmore")
    said = report(made.record())
    assert "10 more runs: experiment.json." in said and len(said) < 30_000


PAGE = (Path(__file__).parents[4] / "docs" / "rundir.md").read_text(encoding="utf-8")
PART = PAGE.split("## An experiment\n")[1].split("\n## ")[0]


def test_the_page_names_every_field(tmp_path):
    report(two_methods(tmp_path), name="demo")
    found = json.loads((tmp_path / "experiment.json").read_text())
    verdict = found["verdict"]
    rows = [
        found["arms"][0],
        found["arms"][0]["attempts"][0],
        verdict,
        verdict["methods"][0],
        verdict["comparisons"][0],
    ]
    assert {name for row in rows for name in row if f"`{name}`" not in PART} == set()
    columns = {
        name
        for line in PART.split("Each of its `arms`")[1].split("A file of the queue")[0].splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert columns == {*found["arms"][0]}


def test_trials_are_listed_with_their_values_and_compared_with_nobody(tmp_path):
    made = Folder(tmp_path / "rates", success_metric="eval_loss", direction="minimize")
    for number, (loss, status) in enumerate([(0.5, "stopped"), (0.25, "completed"), (None, "completed")]):
        metrics = {} if loss is None else {"eval_loss": loss}
        made.done(f"trial-{number}", metrics=metrics, status=status, trial=number)

    summary, text = results.of(made.record().path), report(made)

    table = text.split("## Search\n\n")[1].split("\n\n")[0].splitlines()[2:]
    assert table == [
        "| trial-1 | 0.250 | completed | x=trial-1 |",
        "| trial-0 | 0.500 | stopped | x=trial-0 |",
        "| trial-2 |  | completed | x=trial-2 |",
    ]
    assert "- Arms that are searched are one run each, and are not compared" in text
    assert summary.result.best_arm.name == "trial-1" and summary.verdict_record["metric"] == "eval_loss"


def test_a_run_that_was_stopped_is_named_with_its_step_and_why(tmp_path):
    made = two_methods(tmp_path / "demo")
    name = made.done("lag", 0, 0.1, status="stopped")
    path = made.path / name / "run.json"
    content = json.loads(path.read_text())
    content["outcome"]["stopped_by"] = "halving: test.accuracy 0.1 at step 4 lags behind other runs"
    path.write_text(json.dumps(content))

    said = report(made.record())

    assert "## Stopped early" in said
    assert "| lag\\_\\_s0 | 4 | halving: test.accuracy 0.1 at step 4 lags behind other runs |" in said
    path.write_text("[]")
    assert "| lag\\_\\_s0 |" in report(made)
