"""A section of the page: what fills its template, and its charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go  # type: ignore[import-untyped]  # plotly ships no types


@dataclass(frozen=True)
class Section:
    """`template` is a file of `assets/`, and sees `values`.

    It places a chart of `figures` with `{{ chart("its id", "its caption") }}`. `id` is the same each time the page is
    made, as are the ids of figures: folds, filters and zoom survive by them where the page is shown live.
    """

    id: str
    title: str
    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, go.Figure] = field(default_factory=dict)
