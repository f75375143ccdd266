"""Completions and events of a run that goes on: what a reader chose stays, and what arrives behaves as the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..browser import until
from ..made import at, event_rows, make_run, write_rows
from ..serving.served import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def prompts(step: int) -> list[dict[str, Any]]:
    about = {"source": "eval", "rewards": {}, "scores": {}, "advantage": None}
    return [{**about, "prompt": f"word {number}", "completion": f"{step} said"} for number in range(8)]


def failed(seconds: int) -> dict[str, Any]:
    return {"time": at(seconds), "event": "failed", "error": f"odd {chr(97 + seconds)}"}


def test_what_a_reader_chose_stays_and_what_arrives_behaves_as_the_rest(browser: Browser, tmp_path: Path):
    run = make_run(tmp_path / "run", steps=4, status="running", completions=False, eval_every=0)
    (run / "completions").mkdir()
    for step in (1, 2, 3, 4):
        write_rows(run / "completions" / f"{step}.jsonl", prompts(step))
    write_rows(run / "events.jsonl", [*event_rows(4, "running"), failed(1)])
    with serving(run) as server:
        page = browser.new_page()
        page.goto(server.address)
        page.locator("[id$=-step-4]").uncheck()
        page.locator("[data-asked] [data-every-step]").nth(1).click()
        page.locator("[data-all-prompts]").click()
        page.locator("#events-kind-failed").uncheck()

        write_rows(run / "completions" / "5.jsonl", prompts(5))
        with (run / "events.jsonl").open("a") as events:
            events.write("".join(f"{json.dumps(failed(seconds))}\n" for seconds in (2, 3)))
        until(
            page,
            "document.querySelector('[id$=-step-5]') && document.querySelectorAll('[data-kind=failed]').length === 3",
        )

        steps = [page.locator("[data-asked]").nth(at).locator("[data-step]:visible").count() for at in (0, 1)]
        chosen = page.locator("[data-completions] input:checked").count()
        assert steps == [chosen, 5]
        assert not page.locator("[id$=-step-4]").is_checked()
        assert page.locator("[data-asked]:visible").count() == 8
        assert page.locator("#events [data-kind=failed]:visible").count() == 0
        page.close()
