"""The sections of the page as parts, each with what tells whether it has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from markupsafe import Markup

from callsheet_plugins.report.page.anchors import anchor
from callsheet_plugins.report.page.figure_json import figure_json
from callsheet_plugins.report.page.order import sections
from callsheet_plugins.report.page.templates import filled

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import Report
    from callsheet_plugins.report.page.section import Section


@dataclass(frozen=True)
class Part:
    """`html` is the inside of the section; `figures` holds the JSON of a figure under the id of its element."""

    id: str
    title: str
    html: Markup
    figures: Mapping[str, Markup]

    @property
    def hash(self) -> str:
        """Two parts look the same if it is the same."""
        said = "\0".join([self.title, self.html, *(f"{id}\0{figure}" for id, figure in self.figures.items())])
        return sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def payload(report: Report) -> list[Part]:
    """What the page shows of `report`."""
    return [part(section) for section in sections(report)]


def part(section: Section) -> Part:
    # in_a_script has escaped it
    figures = {anchor(section.id, id): Markup(figure_json(figure)) for id, figure in section.figures.items()}
    return Part(section.id, section.title, filled(section), figures)
