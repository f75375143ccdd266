"""All sections of a page together: their scripts share one scope, and one page."""

import re
from collections import Counter

from callsheet_plugins.report.gathered import gather
from callsheet_plugins.report.page.build import ASSETS, html
from plugins.report.browser import opened, violations
from plugins.report.made import make_experiment

DECLARED = re.compile(r"^(?:async )?(?:function|const|let) (\w+)", re.MULTILINE)


def test_no_two_scripts_call_something_by_one_name():
    names = Counter(name for path in (ASSETS / "js").glob("*.js") for name in set(DECLARED.findall(path.read_text())))
    assert [name for name, count in names.items() if count > 1] == []


def test_an_experiment_with_everything_opens_and_each_section_works(browser, tmp_path):
    folder = make_experiment(tmp_path / "exp", arms=("plain", "bema"), seeds=3, prompts=30)
    file = tmp_path / "page.html"
    file.write_text(html(gather([folder])), encoding="utf-8")
    with opened(browser, file) as page:
        names = page.locator("main > section").evaluate_all("all => all.map((one) => one.id)")
        assert {"overview", "curves", "scores", "answers", "completions", "timeline"} <= {*names}
        for name in names:
            page.locator(f"#{name}").scroll_into_view_if_needed()
        assert page.locator(".flip").count() == 15
        assert page.locator("[data-completions] [data-controls]").first.is_visible()
        assert page.locator("th button").count() > 10  # tables are mounted after both
        assert violations(page) == []
