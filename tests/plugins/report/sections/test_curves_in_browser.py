"""What a reader does with curves, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from callsheet_plugins.report.figures.bands import bands
from callsheet_plugins.report.page.build import whole
from callsheet_plugins.report.page.payload import part
from callsheet_plugins.report.sections.curves import section
from plugins.report.browser import opened, until, violations
from plugins.report.logged import arms, report, run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ARMS, STEPS = 20, 60
TRACES = """() => document.querySelector('.plot')._fullData.map(({name, y, uid, opacity, hoverinfo, line}) =>
    ({name, y: [...y], uid, opacity, hoverinfo, colour: line.color}))"""


def write(folder: Path, given: Any) -> Path:
    file = folder / "report.html"
    file.write_text(whole("Curves", [part(section(given))]), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("many"), arms(ARMS, 3, STEPS))


@pytest.fixture
def page(browser: Browser, many: Path) -> Iterator[Page]:
    with opened(browser, many) as page:
        until(page, "document.querySelector('.legend') !== null")
        yield page


def lines(page: Page) -> dict[str, list[float]]:
    """The lines that are drawn, by name: neither edges of bands nor thin lines."""
    return {trace["name"]: trace["y"] for trace in page.evaluate(TRACES) if trace["hoverinfo"] != "skip"}


def test_other_arms_are_thin_until_they_are_asked_for(page: Page):
    assert lines(page).keys() == {"", "arm 0", "arm 1", "arm 2", "arm 3", "arm 19", "arm 18"}
    page.get_by_label("Find a line").fill("arm 11")
    page.get_by_role("button", name="arm 11").press("Enter")
    assert "arm 11" in lines(page)


def test_an_arm_that_is_asked_for_has_the_band_that_python_would_draw(page: Page):
    logged = np.array(
        [one.metrics["train", "loss"].values for one in arms(ARMS, 3, STEPS).runs if one.group == "arm 11"]
    )
    expected = bands(logged, [3])
    page.get_by_role("button", name="arm 11").click()
    low, high, mean = (np.array(trace["y"]) for trace in page.evaluate(TRACES) if trace["name"] == "arm 11")
    assert mean == pytest.approx(expected.mean[0], abs=1e-4)
    assert (high - low) / 2 == pytest.approx(expected.half[0], abs=1e-4)


def test_its_numbers_are_in_the_table(page: Page):
    page.get_by_text("Numbers").first.click()
    page.get_by_role("combobox").first.select_option(label="arm 11")
    heads = page.locator("[data-table] thead").first.inner_text()
    assert [word in heads for word in ("step", "loss", "95 % from", "runs")] == [True] * 4
    assert page.locator("[data-table] tbody tr").count() == STEPS


def test_single_runs_are_drawn_behind_their_mean(page: Page):
    page.get_by_role("button", name="Single runs").first.press("Enter")
    drawn = lines(page)
    logged = arms(ARMS, 3, STEPS).runs[1].metrics["train", "loss"].values
    assert drawn["arm 0, seed 1"] == pytest.approx(logged, abs=1e-4)
    assert len([name for name in drawn if "seed" in name]) == 6 * 3
    page.get_by_role("button", name="arm 0").first.click()
    assert "arm 0, seed 1" not in lines(page)
    page.get_by_text("Numbers").first.click()
    page.get_by_role("combobox").first.select_option(label="arm 0, seed 1")
    assert page.locator("[data-table] tbody tr").count() == STEPS


def test_what_one_chart_shows_the_others_can_show_too(page: Page):
    page.get_by_role("button", name="None").first.click()
    page.get_by_role("button", name="arm 7").first.click()
    page.get_by_role("button", name="Same in all charts").first.click()
    page.locator("summary", has_text="grad_norm").click()
    until(page, "document.querySelectorAll('.legend').length === 2")
    pressed = page.locator(".legend").nth(1).locator("[data-group][aria-pressed=true]")
    assert pressed.all_inner_texts() == ["arm 7"]


def test_a_line_is_smoothed_and_stays_behind_what_is_smooth(browser: Browser, tmp_path: Path):
    loss = [float(step % 2) for step in range(40)]
    with opened(browser, write(tmp_path, report(run("a", {("train", "loss"): loss})))) as page:
        until(page, "document.querySelector('.legend, input[type=range]') !== null")
        slider = page.get_by_label("Smooth")
        for _ in range(10):
            slider.press("ArrowRight")
        raw, smooth = page.evaluate(TRACES)
        assert raw["y"] == loss
        assert raw["opacity"] < 1
        assert np.std(smooth["y"][10:]) < np.std(loss) / 2


def test_on_a_logarithmic_axis_a_band_below_zero_ends_below_the_lines(browser: Browser, tmp_path: Path):
    runs = [run(f"a/{seed}", {("train", "loss"): [1.0, 0.1 + seed]}, group="a", seed=seed) for seed in range(2)]
    with opened(browser, write(tmp_path, report(*runs))) as page:
        until(page, "document.querySelector('.zoom') !== null")
        page.get_by_role("button", name="Log scale").click()
        low = page.evaluate(TRACES)[0]["y"]
        assert 0 < min(low) < 0.6


def test_gaps_stay_gaps_when_all_is_done_to_them(browser: Browser, tmp_path: Path):
    values = [1.0, 2.0, np.nan, 4.0, *[1.0] * 20]
    with opened(browser, write(tmp_path, report(run("a", {("train", "loss"): values})))) as page:
        until(page, "document.querySelector('input[type=range]') !== null")
        page.get_by_label("Smooth").press("ArrowRight")
        page.get_by_role("button", name="Log scale").click()
        assert page.evaluate("Number.isNaN(document.querySelector('.plot')._fullData[1].y[2])")


def test_a_metric_is_found_among_many(browser: Browser, tmp_path: Path):
    logged = {("train", f"metric {number}"): [1.0, 2.0] for number in range(30)}
    with opened(browser, write(tmp_path, report(run("a", logged)))) as page:
        page.get_by_label("Find a metric").fill("metric 17")
        assert page.locator(".fold:visible > summary").all_inner_texts() == ["metric 17: 2"]


def test_axe_finds_nothing(page: Page):
    page.get_by_role("button", name="Single runs").first.click()
    assert violations(page) == []
