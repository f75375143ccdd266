"""The JavaScript of plotly that comes with the package is that of the plotly.py which makes the figures."""

import json

from plotly.offline import get_plotlyjs_version

from callsheet_plugins.report.page.build import ASSETS, BUNDLE

HOME = (ASSETS / BUNDLE).parent


def test_it_is_of_the_version_of_plotly_py():
    about = json.loads((HOME / "package.json").read_text())
    assert about["version"] == get_plotlyjs_version()
    assert f"v{about['version']}" in (ASSETS / BUNDLE).read_text()[:200]


def test_it_comes_with_its_licence():
    assert "MIT License" in (HOME / "LICENSE").read_text()


def test_it_can_stand_in_a_script_element():
    text = (ASSETS / BUNDLE).read_text()
    assert "</script" not in text.lower() and "\r" not in text
