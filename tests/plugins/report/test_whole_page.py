"""The page of all kinds of runs at once, with every section, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from callsheet_plugins.report.gathered import gather
from callsheet_plugins.report.page.build import whole
from callsheet_plugins.report.page.order import ORDER
from callsheet_plugins.report.page.payload import payload
from plugins.report.browser import opened, scroll_through, too_wide, violations
from plugins.report.made import make_experiment, make_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = """<b>x<|b><a href="javascript:alert(1)">'é\u202e<script>alert(1)<|script>"""
OBEYED = "main script:not([type='application/json']), main img, svg a, [href^='javascript']"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an experiment, a run with a hostile name and arm, half a run, a run of one step, one that logged nothing."""
    folder = tmp_path_factory.mktemp("runs")
    make_experiment(folder / "exp", seeds=2, steps=60)
    make_run(folder / HOSTILE, arm=HOSTILE.replace("|", "/"), steps=60)
    make_run(folder / "half")
    for path in (folder / "half").iterdir():
        if path.name != "run.json" and path.is_file():
            path.unlink()
    make_run(folder / "one step", steps=1, eval_every=0, checkpoint_every=1)
    make_run(folder / "silent", steps=0, log_every=0, eval_every=0, checkpoint_every=0, status="running")
    file = folder / "report.html"
    report = gather([folder])
    parts = payload(report)
    assert [part.id for part in parts] == [*ORDER]
    assert [part.fault for part in parts if part.fault] == []
    file.write_bytes(whole(report.title, parts).encode("utf-8", "replace"))
    return file


@pytest.mark.parametrize("look", [{}, {"width": 390, "color_scheme": "dark"}], ids=["desktop", "phone in the dark"])
def test_every_section_is_silent_readable_by_everybody_and_no_wider_than_the_screen(browser: Browser, file: Path, look):
    with opened(browser, file, **look) as page:
        page.evaluate("for (const fold of document.querySelectorAll('details:not([data-numbers])')) fold.open = true")
        scroll_through(page)
        assert violations(page) == []
        assert too_wide(page) == []
        assert page.locator(OBEYED).count() == 0


def test_ids_are_unique_and_labels_lead_somewhere(browser: Browser, file: Path):
    with opened(browser, file) as page:
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)")
        assert len(ids) == len({*ids})
        targets = page.evaluate("[...document.querySelectorAll('a[href^=\"#\"]')].map((each) => each.hash.slice(1))")
        assert {*targets} <= {*ids}
