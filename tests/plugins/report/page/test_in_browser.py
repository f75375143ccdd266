"""The page in a real browser: silent, alone, reachable by keyboard, readable by everybody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from callsheet_plugins.report.telling.visible import visible
from plugins.report.browser import PHONE, opened, scroll_through, too_wide, until, violations

from .hostile import TEXT, hostile

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def in_a_line(text: str) -> str:
    return " ".join(visible(text).split())


UNFOLD = "for (const fold of document.querySelectorAll('details')) fold.open = true"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def page(browser: Browser, file: Path) -> Iterator[Page]:
    """On a desktop, in the light, read to its end, with everything unfolded."""
    with opened(browser, file) as page:
        page.evaluate(UNFOLD)
        scroll_through(page)
        yield page


def test_hostile_text_is_text(page: Page):
    assert page.locator("main script:not([type='application/json']), main img, main a, main b").count() == 0
    for place in (
        "title",
        "h2",
        ".lead",
        "figcaption",
        ".table tbody th",
        "dd >> nth=1",
        ".fold summary",
        "pre",
        ".status",
    ):
        assert in_a_line(TEXT) in in_a_line(page.locator(place).first.text_content()), place


def test_hostile_names_in_charts_are_text(page: Page):
    assert page.locator("svg a, svg tspan[style*='bold']").count() == 0
    assert page.locator("svg .ytitle").first.text_content().startswith("<b>x</b><a href=")


def test_a_mouse_over_charts_finds_markup_nowhere_and_nothing_is_refused(page: Page):
    chart = page.locator("[data-chart] .plot").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    for part in (0.3, 0.5, 0.7):
        page.mouse.move(box["x"] + box["width"] * part, box["y"] + box["height"] * 0.7, steps=4)
    for line in (3, 5):  # again and again, since Plotly takes its time for a label
        hover = f"Plotly.Fx.hover(document.querySelector('.plot'), [{{curveNumber: {line}, pointNumber: 50}}])"
        until(page, f"{hover}, document.querySelector('.hoverlayer').textContent.includes('<b>x</b><a href=')")
    assert page.locator("svg a").count() == 0
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.4, steps=4)
    page.mouse.up()
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert page.locator("svg a").count() == 0


def test_axe_finds_nothing(page: Page):
    assert violations(page) == []


def test_axe_finds_nothing_on_a_phone_in_the_dark(browser: Browser, file: Path):
    with opened(browser, file, width=PHONE["width"], color_scheme="dark") as page:
        page.evaluate(UNFOLD)
        scroll_through(page)
        assert violations(page) == []
        assert too_wide(page) == []
