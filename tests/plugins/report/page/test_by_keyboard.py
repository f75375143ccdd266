"""What a reader without a mouse does: each control is reached by Tab, and works by Enter and Space."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plugins.report.browser import opened, scroll_through, until

from .hostile import hostile

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

CONTROLS = "a[href], button, input, select, summary, [tabindex='0']"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile(tmp_path_factory.mktemp("page"), sections=1)


@pytest.fixture(scope="module")
def page(browser: Browser, file: Path) -> Iterator[Page]:
    with opened(browser, file) as page:
        scroll_through(page)
        yield page


def press(control: Locator, key: str = "Enter") -> None:
    control.focus()
    control.page.keyboard.press(key)


def column(page: Page, number: int) -> list[str]:
    return page.locator(f".table tbody tr:visible > :nth-child({number})").all_inner_texts()


def test_tab_reaches_every_control_in_the_order_of_the_page_and_shows_where_it_is(page: Page):
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    visible = f"[...document.querySelectorAll(`{CONTROLS}`)].filter((it) => it.checkVisibility() && it.tabIndex >= 0)"
    count = page.evaluate(f"(window.controls = {visible}).length")
    reached = []
    for _ in range(count):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("controls.indexOf(document.activeElement)"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert reached == [*range(count)]
    assert count > 25


def test_a_table_is_sorted_by_its_headers_and_what_has_no_value_stays_last(page: Page):
    head = page.locator(".table thead button", has_text="Steps")
    press(head)
    assert head.locator("..").get_attribute("aria-sort") == "ascending"
    up = [*map(int, column(page, 2))]
    press(head, "Space")
    assert head.locator("..").get_attribute("aria-sort") == "descending"
    down = [*map(int, column(page, 2))]
    assert (up, down) == (sorted(up), sorted(down, reverse=True))
    assert page.locator(".table tbody tr > :nth-child(2)").last.text_content() == "–"


def test_a_table_is_searched_and_says_how_many_rows_it_found(page: Page):
    page.locator(".table input").focus()
    page.keyboard.type("ZOË 3")
    assert column(page, 1) == ["Zoë"]
    assert page.locator("[data-said]").text_content() == "1 row found"
    page.keyboard.press("Escape")  # which empties a search
    assert len(column(page, 1)) == 50


def test_a_long_table_shows_all_rows_when_it_is_asked_to(page: Page):
    page.locator(".table input").fill("")
    press(page.get_by_role("button", name="Show all 72 rows"))
    assert len(column(page, 1)) == 72
    assert page.evaluate("document.activeElement.rowIndex") == 51


def test_a_line_is_hidden_and_shown_by_its_button(page: Page):
    chart = page.locator("[data-chart]").first
    line = chart.get_by_role("button", name="plain", exact=True)
    press(line, "Space")
    assert line.get_attribute("aria-pressed") == "false"
    assert chart.locator(".scatterlayer .trace").count() == 4
    press(line, "Space")
    assert chart.locator(".scatterlayer .trace").count() == 6


def test_a_chart_is_zoomed_by_buttons(page: Page):
    chart = page.locator("[data-chart]").first
    axis = "() => document.querySelector('[data-chart] .plot')._fullLayout.xaxis.range.map(Math.round)"
    assert page.evaluate(axis) == [0, 99]
    press(chart.get_by_role("button", name="Zoom in"))
    assert page.evaluate(axis) == [25, 74]
    press(chart.get_by_role("button", name="Move right"))
    assert page.evaluate(axis) == [37, 87]
    press(chart.get_by_role("button", name="Reset"))
    assert page.evaluate(axis) == [0, 99]


def test_each_number_of_a_chart_stands_in_its_table(page: Page):
    bars = page.locator("[data-chart]").nth(1)
    press(bars.locator("summary"))
    bars.locator("table").wait_for()
    assert [head.strip() for head in bars.locator("thead th").all_text_contents()] == ["arm", "score", "low", "high"]
    assert bars.locator("tbody tr").first.locator("th, td").all_inner_texts() == ["a", "1", "0.5", "1.5"]
    lines = page.locator("[data-chart]").first
    press(lines.locator("summary"))
    lines.locator("table").wait_for()
    assert lines.locator("tbody tr").count() == 100
    said = lines.locator("tbody tr").nth(30).locator("th, td").all_inner_texts()
    assert said == ["30", "0.367879", "0.467879", "0.567879"]


def test_a_text_is_copied(page: Page):
    press(page.locator("[data-copy]"))
    until(page, "/Copied|Selected/.test(document.querySelector('[data-said]').textContent)")


def test_colours_follow_the_scheme_while_the_page_is_open(page: Page):
    stroke = "getComputedStyle(document.querySelectorAll('.js-line')[1]).stroke"
    assert page.evaluate(stroke) == "rgb(3, 88, 203)"
    page.emulate_media(color_scheme="dark")
    until(page, f"{stroke} === 'rgb(74, 168, 255)'")
    page.emulate_media(color_scheme="light")
    until(page, f"{stroke} === 'rgb(3, 88, 203)'")


def test_paper_has_light_charts_of_its_width_unfolded_texts_and_no_controls(page: Page):
    page.emulate_media(color_scheme="dark", media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details.fold").get_attribute("open") is not None
    assert page.locator("nav:visible, [data-search]:visible, .zoom:visible, [data-copy]:visible").count() == 0
    assert [svg.bounding_box()["width"] for svg in page.locator(".main-svg:visible").all()] == [660] * 9
    assert page.evaluate("getComputedStyle(document.querySelectorAll('.js-line')[1]).stroke") == "rgb(3, 88, 203)"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(color_scheme="light", media="screen")
    assert page.locator("details.fold").get_attribute("open") is None
    assert page.locator(".main-svg").first.bounding_box()["width"] > 800


def test_it_prints(page: Page):
    assert page.pdf().startswith(b"%PDF")


def test_without_scripts_the_tables_stand_there(browser: Browser, file: Path):
    with opened(browser, file, java_script_enabled=False) as page:
        assert page.locator(".table tbody tr").count() == 72
        assert page.get_by_text("This chart needs JavaScript").first.is_visible()
