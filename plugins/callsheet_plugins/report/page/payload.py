"""The sections of the page as parts, each with what tells whether it has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING

from markupsafe import Markup

from callsheet_plugins.report.page import order
from callsheet_plugins.report.page.anchors import anchor
from callsheet_plugins.report.page.figure_json import figure_json
from callsheet_plugins.report.page.order import ORDER
from callsheet_plugins.report.page.section import Section
from callsheet_plugins.report.page.templates import filled

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import Report


@dataclass(frozen=True)
class Part:
    """`html` is the inside of the section; `figures` holds the JSON of a figure under the id of its element.

    `fault` says why there is a note in the place of the section.
    """

    id: str
    title: str
    html: Markup
    figures: Mapping[str, Markup]
    fault: str = ""

    @property
    def hash(self) -> str:
        """Two parts look the same if it is the same."""
        said = "\0".join([self.title, self.html, *(f"{id}\0{figure}" for id, figure in self.figures.items())])
        return sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def payload(report: Report) -> list[Part]:
    """What the page shows of `report`."""
    return [made for name in ORDER if (made := _part(name, report))]


def part(section: Section) -> Part:
    # in_a_script has escaped it
    figures = {anchor(section.id, id): Markup(figure_json(figure)) for id, figure in section.figures.items()}
    return Part(section.id, section.title, filled(section), figures)


def _part(name: str, report: Report) -> Part | None:
    """A mistake in the code of one section must not cost the reader the others: it is told in its place."""
    try:
        found = order.section(name, report)
        return part(found) if found else None
    except Exception as error:
        said = f"{type(error).__name__}: {error} ({_place(error)})"
        instead = part(Section(name, name.capitalize(), "failed.html.jinja", {"said": said}))
        return replace(instead, fault=f"The section {name!r} of the page could not be made. {said}")


def _place(error: Exception) -> str:
    """Where it was raised: a file and a line."""
    last = extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}, line {last.lineno}"
