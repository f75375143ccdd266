"""One HTML file of a report: its parts, its style and its scripts, which alone may run in it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

from markupsafe import Markup

from callsheet_plugins.report.figures import theme
from callsheet_plugins.report.page.figure_json import in_a_script
from callsheet_plugins.report.page.payload import Part, payload
from callsheet_plugins.report.page.templates import ASSETS, page

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import Report

BUNDLE = "bundle/plotly-basic.min.js"
# In the order in which they are put together; each file is one concern.
SCRIPTS = (
    "elements",
    "figures",
    "choices",
    "charts",
    "legends",
    "zooming",
    "curves",
    "shaping",
    "numbers",
    "tables",
    "scrolling",
    "copying",
    "kinds",
    "folds",
    "completions",
    "answers",
    "printing",
    "places",
    "packing",
)
LIVE = ("merging", "live")  # of a page that is served
LAST = "start"
LIVE_POLICY = "connect-src 'self'; "


def html(report: Report) -> str:
    """The page of `report`, which opens from a file, and sends nothing anywhere."""
    return whole(report.title, payload(report))


def whole(title: str, parts: Sequence[Part], *, live: bool = False) -> str:
    """The page of these `parts`; a `live` one asks who served it for changes."""
    drawn = live or any(part.figures for part in parts)
    scripts = [asset(BUNDLE)] if drawn else []
    scripts.append(script(live))
    return page(
        {
            "title": title,
            "parts": parts,
            "style": Markup(style()),
            "scripts": [Markup(text) for text in scripts],
            "theme": Markup(in_a_script(theme.for_page())),
            "policy": policy(scripts, live=live),
            "live": live,
        }
    )


def policy(scripts: list[str], *, live: bool = False) -> str:
    """The Content-Security-Policy of the page: what is not named here, the browser refuses.

    Plotly adds a style element which is empty, and fills it from its script, so the empty style is named as well.
    """
    return (
        f"default-src 'none'; script-src {_hashes(*scripts)}; style-src {_hashes(style(), '')}; img-src data:; "
        f"{LIVE_POLICY if live else ''}base-uri 'none'; form-action 'none'"
    )


def _hashes(*texts: str) -> str:
    return " ".join(f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in texts)


@cache
def script(live: bool) -> str:
    """The scripts of the page in one scope."""
    names = (*SCRIPTS, *(LIVE if live else ()), LAST)
    files = "\n".join(asset(f"js/{name}.js") for name in names)
    return f'(() => {{\n"use strict";\n{files}\n}})();'


@cache
def style() -> str:
    """The style of the page, and then that of sections which have one of their own."""
    return "\n".join(map(asset, ["page.css", *sorted(f"css/{path.name}" for path in (ASSETS / "css").glob("*.css"))]))


@cache
def asset(name: str) -> str:
    return (ASSETS / name).read_text("utf-8")
