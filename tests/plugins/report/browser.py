"""A real Chromium, without a screen: Debian's package, driven by playwright. What it opens may say nothing and ask nobody."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


def started() -> Iterator[Browser]:
    """A browser, until the generator is closed; skips the test where there is none."""
    if not (path := shutil.which("chromium")):
        pytest.skip("There is no browser to test with: apt-get install --no-install-recommends chromium")
    from playwright.sync_api import sync_playwright

    flags = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, file: Path, *, width: int = DESKTOP["width"], **options: Any) -> Iterator[Page]:
    """The page of `file`. Raises AssertionError where it writes to the console, or asks for anything but itself."""
    height = PHONE["height"] if width < 800 else DESKTOP["height"]
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    try:
        page, said = context.new_page(), [*()]
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("request", lambda request: said.append(f"asks for {request.url}"))
        page.goto(file.as_uri())
        yield page
        assert said == [f"asks for {file.as_uri()}"]
    finally:
        context.close()


def violations(page: Page) -> list[str]:
    """What axe-core finds against the page as it stands, a line each: the rule, and where."""
    from axe_playwright_python.sync_playwright import Axe

    lay_out(page)
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


def until(page: Page, expression: str) -> None:
    """Wait until JavaScript's `expression` is true; the page's policy forbids playwright's own way to do so."""
    wait_until(lambda: page.evaluate(expression))


def lay_out(page: Page) -> None:
    """Have all sections laid out, as they are when somebody comes near them, and what waits for that done."""
    visible = "each.style.contentVisibility = 'visible'"
    page.evaluate(f"for (const each of document.querySelectorAll('main > section')) {visible}")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def too_wide(page: Page) -> list[str]:
    """What goes beyond the right edge of the screen, but for what scrolls in a box of its own."""
    beyond = "it.getBoundingClientRect().right > innerWidth + 1 && !it.closest('svg, .scroll, .hidden')"
    html = page.evaluate(f"[...document.querySelectorAll('body *')].filter((it) => {beyond}).map((it) => it.outerHTML)")
    return [each[:200] for each in html]


def scroll_through(page: Page) -> None:
    """Go to the end as a reader does, so that each chart has been near the screen, and lay out all sections."""
    lay_out(page)
    for chart in page.locator("[data-chart]:visible").all():
        chart.scroll_into_view_if_needed()
    until(
        page, "[...document.querySelectorAll('.plot')].every((it) => it.querySelector('svg') || !it.checkVisibility())"
    )
