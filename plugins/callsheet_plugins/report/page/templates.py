"""The environment that fills templates. All HTML of the page is written by it, so that all text is escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from callsheet_plugins.report.page.anchors import anchor
from callsheet_plugins.report.page.cells import is_cell
from callsheet_plugins.report.page.numbers import shown, sort_key
from callsheet_plugins.report.page.packing import LARGE, packed
from callsheet_plugins.report.page.section import Section
from callsheet_plugins.report.telling.visible import visible

ASSETS = Path(__file__).parent.parent / "assets"
HEIGHT = 340  # of a chart, in pixels, where its figure does not say
MACROS = ("chart", "choice", "copy", "facts", "fold", "status", "table")


@cache
def environment() -> Environment:
    """Autoescaping, strict: a template that names what nobody gave it raises. No text is obeyed in place of shown."""
    made = Environment(
        loader=FileSystemLoader(ASSETS, encoding="utf-8"),
        autoescape=True,
        finalize=_seen,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["anchor"] = anchor
    made.filters["packed"] = packed
    made.filters["shown"] = shown
    made.filters["sort_key"] = sort_key
    made.tests["a_number"] = _is_number
    made.tests["a_cell"] = is_cell
    return made


def filled(section: Section) -> Markup:
    """The inside of `section`, which may use the macros by their names."""
    template = environment().get_template(section.template)
    return Markup(template.render({**_macros(), **_own(section), "section": section, **section.values}))


def page(values: Mapping[str, Any]) -> str:
    """The whole of it."""
    return environment().get_template("page.html.jinja").render(**values, large=LARGE)


@cache
def _macros() -> dict[str, Callable[..., Markup]]:
    module = environment().get_template("macros.html.jinja").module
    return {name: getattr(module, name) for name in MACROS}


def _own(section: Section) -> dict[str, Callable[..., Markup]]:
    """The macros whose elements have ids, which begin with that of the section."""

    def chart(id: str, caption: str, alt: str = "") -> Markup:
        height = section.figures[id].layout.height
        return _macros()["chart"](anchor(section.id, id), caption, alt or caption, height or HEIGHT)

    def table(columns: Sequence[str], rows: Iterable[Any], caption: str, id: str = "", search: bool = False) -> Markup:
        return _macros()["table"](columns, rows, caption, anchor(section.id, id or caption), search)

    def fold(title: str, id: str = "", open: bool = False, **more: Any) -> Markup:
        return _macros()["fold"](title, anchor(section.id, id or title), open, **more)

    def choice(label: str, options: Iterable[tuple[str, str]]) -> Markup:
        named = [(anchor(section.id, "one", id), name) for id, name in options]
        return _macros()["choice"](anchor(section.id, label), label, named)

    return {"chart": chart, "choice": choice, "table": table, "fold": fold}


def _seen(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
