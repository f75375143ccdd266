"""Scores and answers in a live page: new checkpoints and metrics come, and what was chosen stays."""

import json

from plugins.report.browser import until
from plugins.report.made import at, eval_row, make_run
from plugins.report.scored.scores import rights
from plugins.report.serving.served import serving


def score(run, name, step, answers):
    file = f"predictions/{name}-{step}.jsonl"
    (run / file).write_text("".join(f"{json.dumps(row)}\n" for row in answers))
    row = eval_row(name, {"m": sum(row["right"] for row in answers) / len(answers)}, step, None, file, at(step))
    with (run / "evals.jsonl").open("a") as rows:
        rows.write(f"{json.dumps(row)}\n")


def test_checkpoints_and_benchmarks_come_and_what_was_chosen_stays(browser, tmp_path):
    run = make_run(tmp_path / "run", steps=2, status="running", scores=False, completions=False)
    (run / "predictions").mkdir()
    for step in (1, 2):
        score(run, "t", step, rights(*[step - 1] * 12))
    with serving(run) as server:
        page, said = browser.new_page(), []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(server.address)
        page.locator("#answers-from").select_option(label="step 2")
        page.locator("#answers-search").fill("q1")
        score(run, "t", 3, rights(*[0] * 12))
        score(run, "other", 3, rights(*[1, 0] * 6))
        until(page, "[...document.querySelector('#answers-from').options].length === 3")
        assert page.locator("#answers-from").evaluate("it => it.selectedOptions[0].text") == "step 2"
        assert page.locator(".flip").count() == 3 and page.locator("#answers-search").input_value() == "q1"
        metric = page.locator("#scores [data-choose] select")
        assert metric.evaluate("it => [...it.options].map(each => each.text)") == ["t.m", "other.m"]
        assert page.locator("#scores [data-chart]:visible").count() == 1
        metric.select_option(label="other.m")
        assert "other-m" in page.locator("#scores [data-chart]:visible").get_attribute("id")
        score(run, "third", 3, rights(*[1, 0] * 6))
        until(page, "[...document.querySelector('#scores [data-choose] select').options].length === 3")
        assert page.locator("#scores [data-chart]:visible").count() == 1
        assert "other-m" in page.locator("#scores [data-chart]:visible").get_attribute("id")
        assert said == []
        page.close()
