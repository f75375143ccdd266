"""The best checkpoint of a run, as experiments choose theirs."""

from callsheet_plugins.report.gathered import Report
from callsheet_plugins.report.scored.answered import Answers
from callsheet_plugins.report.scored.best import best
from callsheet_plugins.report.scored.metrics import indexed
from plugins.report.scored.scores import rights, scored_run


def best_of(tmp_path, *rows):
    (found,) = next(iter(indexed(Report("x", tmp_path, [scored_run(tmp_path / "a", rows, "mine")])).values()))
    return best(found, "maximize", Answers())


def test_it_is_chosen_on_one_half_and_reported_on_the_other(tmp_path):
    found = best_of(tmp_path, *(("t", {"m": share}, step, rights(*[1] * int(40 * share), *[0] * int(40 * (1 - share)))) for step, share in ((0, 0.75), (10, 0.25), (20, 0.5))))  # fmt: skip
    assert (found.arm, found.step, found.chosen.of) == ("mine", 20, 2)
    assert found.chosen.chosen_on + found.chosen.reported_on == 40


def test_answers_of_another_metric_choose_nothing(tmp_path):
    rows = [("t", {"pass@4": 0.9}, step, rights(*[1, 0] * 20)) for step in (10, 20)]
    assert best_of(tmp_path, *rows) is None
    assert best_of(tmp_path / "b", *(("t", {"m": None}, step, rights(*[1, 0] * 20)) for step in (10, 20))) is None
