"""The page in a real browser while a run writes: it takes in what is new, and leaves the reader where they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from plugins.report.browser import until
from plugins.report.made import make_run
from plugins.report.serving.served import log, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHART = "#curves [data-chart]"  # the first, which is that of the loss
PLOT = f"document.querySelector('{CHART} .plot')"
LAST = f"Math.max(...{PLOT}._fullData.map((line) => line.x ? Math.max(...line.x) : line._length))"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        make_run(tmp_path / "runs" / name, steps=60, status="running", completions=False)
        for step in range(9):  # enough for a search
            happens(
                tmp_path / "runs" / name,
                event="requested",
                request="save",
                plugin=f"{name}-{step}",
                reason="so",
                step=step,
            )
    return tmp_path / "runs"


@pytest.fixture
def page(browser: Browser, runs: Path) -> Iterator[Page]:
    """The live page of two runs; nothing may stand in its console, and it may ask nobody but its server."""
    context, said = browser.new_context(viewport={"width": 1440, "height": 900}), list[str]()
    with serving(runs) as server:
        made = context.new_page()
        made.on("console", lambda message: said.append(message.text))
        made.on("pageerror", lambda error: said.append(str(error)))
        made.on("request", lambda request: None if request.url.startswith(server.address) else said.append(request.url))
        made.goto(server.address)
        made.locator(CHART).first.scroll_into_view_if_needed()
        until(made, f"{PLOT}?.querySelector('svg') != null")
        yield made
        assert said == []
    context.close()


def happens(run: Path, **event: Any) -> None:
    with (run / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"time": "2026-11-20T09:31:00.000+00:00", **event}) + "\n")


def grows(runs: Path, page: Page, steps: range) -> None:
    """A run writes, and the page has taken it in."""
    before = sections(page)
    log(runs / "one", *({"step": step, "loss": 3.0, "time": "x"} for step in steps))
    until(page, f"JSON.stringify({SECTIONS}) !== {before!r}")


SECTIONS = "[...document.querySelectorAll('main > section')].map((it) => it.dataset.section)"


def sections(page: Page) -> str:
    found: str = page.evaluate(f"JSON.stringify({SECTIONS})")
    return found


def test_a_line_grows_and_the_zoom_stays(page: Page, runs: Path) -> None:
    page.evaluate(f"Plotly.relayout({PLOT}, {{'xaxis.range': [10, 30]}})")
    assert page.evaluate(LAST) <= 60
    grows(runs, page, range(61, 91))
    until(page, f"{LAST} >= 90")
    assert page.evaluate(f"{PLOT}._fullLayout.xaxis.range") == [10, 30]


def test_a_line_that_was_taken_away_stays_away(page: Page, runs: Path) -> None:
    entry = page.locator(f"{CHART} [data-group]", has_text="two").first
    name = entry.text_content()
    entry.click()
    grows(runs, page, range(61, 71))
    until(page, f"{LAST} >= 70")
    assert entry.get_attribute("aria-pressed") == "false"
    assert entry.evaluate("(it) => it === document.activeElement")
    assert name not in page.evaluate(f"{PLOT}._fullData.map((line) => line.name)")


def test_numbers_that_are_open_follow_and_keep_their_order(page: Page, runs: Path) -> None:
    page.locator(f"{CHART} [data-numbers] summary").first.click()
    numbers = page.locator(f"{CHART} [data-numbers]").first
    head = numbers.locator("thead th").first
    head.locator("button").click()
    head.locator("button").click()
    grows(runs, page, range(61, 91))
    until(page, f"document.querySelector('{CHART} [data-numbers] tbody').textContent.includes('90')")
    assert numbers.get_attribute("open") is not None
    assert head.get_attribute("aria-sort") == "descending"
    assert (numbers.locator("tbody tr").first.text_content() or "").startswith("90")


def test_open_folds_searches_marked_text_and_the_place_stay(page: Page, runs: Path) -> None:
    fold = page.locator("#curves details.fold").first
    fold.locator("summary").first.click()
    search = page.locator("#events input[type=search]").first
    search.fill("one-3")
    cell = page.locator("#events tbody tr:visible").first
    found = cell.text_content()
    cell.evaluate("(it) => getSelection().selectAllChildren(it)")
    marked = page.evaluate("getSelection().toString().trim()")
    page.evaluate("scrollBy(0, -120)")
    place = page.evaluate("document.querySelector('#events input').getBoundingClientRect().top")
    happens(runs / "one", event="requested", request="stop", plugin="newcomer", reason="enough")
    grows(runs, page, range(61, 71))
    until(page, "document.querySelector('#events').textContent.includes('newcomer')")
    assert fold.get_attribute("open") is not None and search.input_value() == "one-3"
    assert cell.text_content() == found and marked and page.evaluate("getSelection().toString().trim()") == marked
    assert page.locator("#events tbody tr:visible", has_text="newcomer").count() == 0
    assert abs(page.evaluate("document.querySelector('#events input').getBoundingClientRect().top") - place) < 3


def test_a_run_that_appears_is_taken_in_and_one_that_goes_is_left_out(page: Page, runs: Path) -> None:
    shown = f"[...document.querySelectorAll('{CHART} [data-group]')].map((it) => it.textContent).join()"
    make_run(runs / "three", steps=20)
    until(page, f"{shown}.includes('three')")
    (runs / "two" / "run.json").unlink()
    until(page, f"!{shown}.includes('two')")


def test_the_page_says_when_nobody_answers_any_more(browser: Browser, runs: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    with serving(runs) as server:
        page.goto(server.address)
    until(page, "document.querySelector('[data-live]').dataset.live === 'lost'")
    assert "What is shown stays" in (page.locator("[data-live]").text_content() or "")
    assert page.locator(CHART).count() >= 1
    context.close()


def test_nothing_is_asked_while_nobody_looks(page: Page) -> None:
    asked: list[Any] = []
    page.on("request", lambda request: asked.append(request))
    page.evaluate("Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true})")
    page.wait_for_timeout(2500)
    before = len(asked)
    page.wait_for_timeout(2500)
    assert len(asked) == before <= 1
