"""A whole page, and in it completions, timeline, events and provenance, as somebody uses them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from callsheet_plugins.report.gathered import gather
from callsheet_plugins.report.page.build import html
from plugins.report.browser import PHONE, opened, until, violations

from ..made import at, event_rows, make_run, write_rows

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202e"


def prompts(step: int) -> list[dict[str, Any]]:
    texts = [HOSTILE, "مرحبا", *(f"word {number}" for number in range(8))]
    about = {"source": "eval", "rewards": {}, "scores": {"judge": 0.5}, "advantage": None}
    asked = [[{"role": "user", "content": text}] for text in texts]
    return [{**about, "prompt": prompt, "completion": f"{step} said {at}"} for at, prompt in enumerate(asked)]


def trouble(number: int) -> dict[str, Any]:
    error = {"error": f"Odd{chr(97 + number)}: {HOSTILE}", "traceback": f"Traceback\n{HOSTILE}"}
    return {
        "time": at(number),
        "event": "plugin_failed",
        "plugin": "lucky",
        "hook": "on_log",
        "on_error": "warn",
        **error,
    }


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "run"
    make_run(folder, steps=4, checkpoint_every=2, eval_every=0, record={"cwd": HOSTILE})
    write_rows(folder / "events.jsonl", [*event_rows(4, "completed"), *map(trouble, range(12))])
    (folder / "completions").mkdir()
    for step in (1, 2, 3, 4, 5):
        write_rows(folder / "completions" / f"{step}.jsonl", prompts(step))
    page = folder / "report.html"
    page.write_text(html(gather([folder])), encoding="utf-8")
    return page


@pytest.fixture
def page(browser: Browser, file: Path) -> Iterator[Page]:
    with opened(browser, file) as found:
        yield found


def test_it_is_for_everybody_and_as_wide_as_a_phone(browser: Browser, file: Path):
    with opened(browser, file, width=PHONE["width"], color_scheme="dark") as found:
        found.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
        assert violations(found) == []
        assert found.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_kinds_of_events_are_left_out_by_the_keyboard(page: Page):
    rows = page.locator("#events tbody tr:visible")
    before = rows.count()
    page.locator("#events-kind-failed").focus()
    page.keyboard.press("Space")
    assert rows.count() == before - 12
    page.keyboard.press("Space")
    page.locator("#events-search").fill("oddc")
    assert rows.count() == 1


def test_steps_are_chosen_and_words_found(page: Page):
    box = page.locator("[data-completions]").first
    first = box.locator("[data-asked]").first.locator("[data-step]:visible")
    assert [each.get_attribute("data-step") for each in first.all()] == ["1", "3", "5"]
    page.locator("[id$=-step-3]").focus()
    page.keyboard.press("Space")
    assert [each.get_attribute("data-step") for each in first.all()] == ["1", "5"]
    box.locator("input[type=search]").fill("مرحبا")
    assert box.locator("[data-asked]:visible").count() == 1


def test_one_prompt_is_followed_over_all_steps(page: Page):
    asked = page.locator("[data-asked]")
    asked.nth(1).locator("[data-every-step]").press("Enter")
    assert asked.nth(1).locator("[data-step]:visible").count() == 5
    assert asked.nth(0).locator("[data-step]:visible").count() == 3


def test_all_prompts_are_shown_when_somebody_asks_for_them(page: Page):
    asked = page.locator("[data-asked]:visible")
    assert asked.count() == 6
    page.locator("[data-all-prompts]").press("Enter")
    assert asked.count() == 10
    assert page.evaluate("document.activeElement.matches('[data-asked]')")


def test_the_command_is_copied_or_selected(page: Page):
    page.locator("#provenance [data-copy]").first.press("Enter")
    until(page, "document.querySelector('[data-said]').textContent !== ''")
    selected = page.evaluate("getSelection().toString()")
    assert selected == "callsheet train recipe=demo" or page.locator("[data-said]").inner_text() == "Copied"


def test_the_numbers_of_the_timeline_are_moments(page: Page):
    page.locator("#timeline [data-numbers] summary").press("Enter")
    until(page, "document.querySelector('#timeline [data-table] tbody tr')")
    rows = [row.inner_text().split("\t") for row in page.locator("#timeline [data-table] tbody tr").all()]
    assert ["at work: completed", f"{at(0)[:19].replace('T', ' ')}.0", "attempts", "attempt 1 begins"] in rows
    assert all("–" not in row for row in rows)
