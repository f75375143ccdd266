import re
from pathlib import Path

import pytest

from callsheet_plugins.report.page.build import ASSETS, policy, whole
from callsheet_plugins.report.page.payload import Part

HOSTILE = "<script>alert(1)</script>"


def test_what_users_named_is_text():
    assert HOSTILE not in whole(HOSTILE, [])


def test_the_page_names_each_section_and_holds_no_bundle_without_a_chart():
    made = whole("Report", [Part("curves", "Curves", "", {})])
    assert '<a href="#curves">Curves</a>' in made
    assert len(made) < 100_000


@pytest.mark.parametrize("script", sorted((ASSETS / "js").glob("*.js")), ids=lambda path: path.name)
def test_no_script_writes_html(script: Path):
    """But for the live page, which takes in HTML that the templates have escaped, where no script in it runs."""
    written = re.findall(
        r"\w+\.innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", script.read_text()
    )
    assert written == (["sent.innerHTML"] if script.name == "live.js" else [])


def test_only_scripts_of_the_page_may_run():
    assert "script-src 'sha256-" in policy(["1"])
    assert "default-src 'none'" in policy(["1"])
