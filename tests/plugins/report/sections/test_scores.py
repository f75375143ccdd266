"""The section of scores: the verdict in the words of experiment.md, and every score, whatever it is called."""

import json

import pytest

from callsheet.experiments import results
from callsheet.experiments.results import verdicts
from callsheet.experiments.results.by_prompt import best_checkpoint, sentence_of
from callsheet_plugins.report.gathered import Report, gather
from callsheet_plugins.report.page.payload import part
from callsheet_plugins.report.sections import curves, scores
from plugins.report.made import entry, experiment_record, make_experiment, make_run, write_json
from plugins.report.scored.scores import rights, scored_run

HOSTILE = "<script>alert(1)</script>"


def make_search(folder, rates):
    """A search over learning rates and a choice."""
    entries = []
    for at, rate in enumerate(rates):
        make_run(folder / f"trial-{at}", seed=at, arm=f"trial-{at}", level=0.1 * at)
        about = {"trial": at, "differs": {"trainer.args.learning_rate": str(rate), "peft": HOSTILE}}
        entries.append({**entry(f"trial-{at}", f"trial-{at}", None), **about})
        (folder / "arms" / "done").mkdir(parents=True, exist_ok=True)
        write_json(folder / "arms" / "done" / f"trial-{at}.json", entries[-1])
    write_json(folder / "experiment.json", experiment_record("search", "test.exact_match", ["trial-0"], entries))
    return folder


def shown(report):
    made = scores.section(report)
    return str(part(made).html).replace("&#39;", "'").replace("&gt;", ">")


def figures(report):
    return scores.section(report).figures


def test_an_experiment_says_what_experiment_md_says(tmp_path):
    folder = make_experiment(tmp_path / "exp", prompts=60)
    summary = results.of(folder)
    results.write(folder, summary)
    page, markdown = shown(gather([folder])), (folder / "experiment.md").read_text().replace("\\", "")
    best = sentence_of(best_checkpoint(summary))
    said = [*verdicts.sentences_of(summary.verdict, summary.asked), summary.best_run, best]
    assert all(sentence in page and sentence in markdown for sentence in said)
    rows = [line.strip("|").split("|") for line in markdown.splitlines() if line.startswith(("| plain ", "| bema "))]
    assert len(rows) >= 2 and all(cell.strip() in page for row in rows for cell in row)


def test_an_experiment_has_its_arms_and_their_differences_drawn(tmp_path):
    found = figures(gather([make_experiment(tmp_path / "exp", prompts=60)]))
    assert [*found] == ["over test.exact_match", "exp-0 arms", "exp-0 differences"]
    seeds, means = found["exp-0 arms"].data
    assert len(seeds.x) == 6 and [*means.y] == ["plain", "bema"]


def test_an_arm_has_the_colour_of_its_curve_and_one_that_covers_another_is_told(tmp_path):
    folder = make_experiment(tmp_path / "exp", arms=("plain", "bema"))
    for seed in range(3):
        evals = folder / f"bema-seed-{seed}" / "evals.jsonl"
        evals.write_bytes((folder / f"plain-seed-{seed}" / "evals.jsonl").read_bytes())
    report = gather([folder])
    drawn = figures(report)["over test.exact_match"].data
    curves_of = {each.name: each.line.color for each in curves.section(report).figures["loss\ntrain"].data if each.meta}
    assert {each.name: each.line.color for each in drawn if each.mode == "lines+markers"} == curves_of
    assert "plain and bema have the same scores: one line covers the other." in shown(report)


def test_one_seed_has_no_verdict_and_the_page_says_why(tmp_path):
    page = shown(gather([make_experiment(tmp_path / "exp", seeds=1)]))
    assert "bema and plain: no verdict on test.exact_match, 1 seed of both" in page
    assert "This compares two checkpoints, not two methods" in page


def test_an_experiment_that_goes_on_says_that_this_may_change(tmp_path):
    folder = make_experiment(tmp_path / "exp")
    done = folder / "arms" / "done" / "bema-seed-2.json"
    write_json(done, {**json.loads(done.read_text()), "status": None})
    done.rename(folder / "arms" / "pending" / done.name)
    assert "1 run of 6 is not over: what stands here may change." in shown(gather([folder]))


def test_a_search_shows_its_trials_over_each_setting(tmp_path):
    report = gather([make_search(tmp_path / "search", [1e-5, 1e-4, 1e-2])])
    page = shown(report)
    assert verdicts.UNCOMPARED in page and "Trials of search, the best first" in page
    assert '<th scope="col">learning_rate</th>' in page and ">0.01<" in page
    drawn = [figure for name, figure in figures(report).items() if name.endswith("learning_rate")]
    assert [*drawn[0].data[0].x] == [1e-5, 1e-4, 1e-2] and drawn[0].layout.xaxis.type == "log"


def test_runs_of_a_folder_compare_no_methods(tmp_path):
    for seed in range(2):
        make_run(tmp_path / f"run {seed}", seed=seed)
    assert scores.SIDE_BY_SIDE in shown(gather([tmp_path]))
    assert scores.SIDE_BY_SIDE not in shown(gather([tmp_path / "run 0"]))


def test_the_best_checkpoint_of_a_run_has_its_honest_score(tmp_path):
    report = gather([make_run(tmp_path / "run", prompts=60)])
    assert "Of 2 checkpoints of run, step" in shown(report) and "and flatters" in shown(report)
    (figure,) = figures(report).values()
    assert figure.data[-1].name == "best checkpoint, on other prompts"


@pytest.mark.parametrize(
    "rows",
    [
        [("t", {"m": None}, 1), ("t", {"m": None}, 2)],
        [("t", {"m": 0.5}, None)],
        [("t", {"m": 0.5}, 3, [])],
        [("t", {"m": 0.5}, 3, [{"odd": [1]}, {"prompt": {"a": 1}, "right": 1}, {"prompt": 3}])],
        [(HOSTILE, {HOSTILE: 1.0}, 1, rights(1, 0), HOSTILE), (HOSTILE, {HOSTILE: 0.5}, 2, rights(1, 0), HOSTILE)],
        [("t", {"m": 1e308}, 1), ("t", {"m": -1e308}, 1 << 60)],
    ],
)
def test_odd_scores_are_shown(tmp_path, rows):
    page = shown(Report("x", tmp_path, [scored_run(tmp_path / "a", rows, HOSTILE)]))
    assert HOSTILE not in page and "First and last score" in page


def test_of_very_many_metrics_the_important_have_charts_and_the_rest_is_counted(tmp_path):
    metrics = {"acc": 0.5, **{f"task_{at}/acc": 0.5 for at in range(3000)}}
    report = Report("x", tmp_path, [scored_run(tmp_path / "a", [("mmlu", metrics, step) for step in (1, 2)])])
    page = shown(report)
    assert next(iter(figures(report))) == "over mmlu.acc" and len(figures(report)) == 16
    assert "16 metrics of 3,001 have a chart" in page and "shows 400 of 3,001 rows" in page


def test_nothing_scored_is_no_section(tmp_path):
    assert scores.section(gather([make_run(tmp_path / "run", scores=False)])) is None
