"""The section of answers, in a browser: any two checkpoints, flips, and a list to search."""

import random

import pytest

from callsheet.experiments.statistics import checkpoints
from callsheet.experiments.statistics.checkpoints import Answer
from callsheet_plugins.report.gathered import Report, gather
from callsheet_plugins.report.page.build import whole
from callsheet_plugins.report.page.payload import part
from callsheet_plugins.report.sections import answers
from plugins.report.browser import opened, violations
from plugins.report.made import make_run
from plugins.report.scored.scores import rights, scored_run

HOSTILE = "<img src=x onerror=alert(1)><script>alert(1)</script>"
DRAW = random.Random(1)


def written(folder, *runs):
    made = answers.section(Report("x", folder, runs))
    file = folder / "page.html"
    file.write_text(whole("x", [part(made)]), encoding="utf-8")
    return file


def drawn(share, count=30, **more):
    return rights(*(DRAW.random() < share for _ in range(count)), **more)


def show(page, **chosen):
    for name, option in chosen.items():
        page.locator(f"[data-{name}]").select_option(label=option)


@pytest.fixture
def three(tmp_path):
    """A page of one run that was scored at three steps, and the answers."""
    said = [drawn(0.2), drawn(0.5), drawn(0.9)]
    run = scored_run(tmp_path / "a", [("t", {"m": 0.5}, 10 * step, rows) for step, rows in enumerate(said)])
    return written(tmp_path, run), said


def test_any_two_checkpoints_show_their_flips_and_their_answers(browser, three):
    file, said = three
    with opened(browser, file) as page:
        assert page.locator("[data-from]").input_value() == "0" and page.locator("[data-to]").input_value() == "2"
        show(page, **{"from": "step 20", "to": "step 10"})
        rose = sum(not before["right"] and after["right"] for before, after in zip(said[2], said[1], strict=True))
        assert page.locator("dl.counts dd").first.inner_text() == str(rose)
        show(page, filter="wrong → right")
        assert page.locator(".flip").count() == rose
        show(page, filter="all that changed")
        marks = page.locator(".flip .status").all_inner_texts()
        assert marks and all(one != other for one, other in zip(marks[::2], marks[1::2], strict=True))


@pytest.mark.parametrize("turned", [False, True])
def test_the_interval_is_that_of_verdicts_either_way_round(browser, three, turned):
    file, said = three
    graded = [[Answer(row["prompt"], float(row["right"])) for row in rows] for rows in said]
    of, than = (0, 2) if turned else (2, 0)
    found = checkpoints.compared(graded[of], graded[than])
    low, high = found.interval
    with opened(browser, file) as page:
        show(page, **{"from": f"step {10 * than}", "to": f"step {10 * of}"})
        text = page.locator("[data-summary] > p").inner_text()
    said = f"{found.verdict}, {found.difference:+.3f} (95 % from {low:+.3f} to {high:+.3f}), over 30 prompts."
    assert text.startswith(f"From step {10 * than} to step {10 * of}: {said}")


def test_the_list_is_searched_by_keyboard_and_grows(browser, three):
    file, _ = three
    with opened(browser, file) as page:
        assert page.locator(".flip").count() == 15
        page.locator("[data-more]").focus()
        page.keyboard.press("Enter")
        assert page.locator(".flip").count() == 30 and page.locator(".flip:nth-child(16)").evaluate(
            "item => item === document.activeElement"
        )
        page.locator("#answers-search").focus()
        page.keyboard.type("Q7")
        assert page.locator(".flip").count() == 1
        assert page.locator("[data-count]").inner_text() == "1 prompt of 30"


def test_hostile_answers_are_text_and_nothing_is_against_accessibility(browser, tmp_path):
    rows = [{"prompt": HOSTILE, "answer": HOSTILE, "completion": HOSTILE, "right": at, "id": 1} for at in (0, 1)]
    run = scored_run(tmp_path / "a", [(HOSTILE, {HOSTILE: 1.0}, at, [row], HOSTILE) for at, row in enumerate(rows)])
    with opened(browser, written(tmp_path, run)) as page:
        assert page.locator(".flip dd").all_inner_texts() == [HOSTILE] * 4
        assert violations(page) == []


def test_two_benchmarks_are_a_choice(browser, tmp_path):
    grades = [{"prompt": f"q{at}", "answer": "a", "score": at / 10} for at in range(10)]
    run = scored_run(tmp_path / "a", [("t", {"m": 0.5}, 1, rights(1, 0)), ("grades", {"m": 0.45}, 1, grades)])
    with opened(browser, written(tmp_path, run)) as page:
        assert "t.m of step 1: 0.500." in page.locator("[data-summary]").inner_text()
        show(page, which="grades.m")
        assert page.locator(".flip").count() == 10 and "0.3" in page.locator(".flip:nth-child(4)").inner_text()


def test_neighbours_stand_in_a_table_without_scripts(tmp_path):
    html = str(part(answers.section(gather([make_run(tmp_path / "run", prompts=40)]))).html)
    assert "Flips between neighbouring checkpoints: test.exact_match" in html
    assert html.count("<tr>") == 3


def test_what_is_left_out_is_said(tmp_path, monkeypatch):
    from callsheet_plugins.report.flipped import sets

    monkeypatch.setattr(sets, "MOST_BYTES", 3_000)
    html = str(part(answers.section(gather([make_run(tmp_path / "run", prompts=200)]))).html)
    assert "of 200 prompts, those that flipped first; counts are of all." in html
    assert answers.EVERYTHING in html


def test_without_answers_there_is_no_section(tmp_path):
    assert answers.section(gather([make_run(tmp_path / "run", scores=False)])) is None
    assert answers.section(Report("x", tmp_path, [scored_run(tmp_path / "a", [("t", {"m": 0.5}, 1)])])) is None


@pytest.mark.parametrize("kept", [[], [{"odd": 1}], [{"prompt": "q", "answer": "a"}]])
def test_answers_that_cannot_be_shown_are_said(tmp_path, kept):
    run = scored_run(tmp_path / "a", [("t", {"m": 0.5}, 2, kept)])
    assert "The answers to 1 benchmark are not here" in str(part(answers.section(Report("x", tmp_path, [run]))).html)
