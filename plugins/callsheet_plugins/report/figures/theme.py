"""How all charts look: colours that colour-blind people tell apart, in light and dark, and texts that are no markup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# As far from each other as eight can be for three kinds of eyes, near the hues of Okabe and Ito, with a contrast of at
# least 3 with its ground. Figures use those of LIGHT; the page puts those of DARK there instead, in the dark.
LIGHT = ("#0358cb", "#e27800", "#009b60", "#a85792", "#836b1a", "#4293da", "#324251", "#730206")
DARK = ("#4aa8ff", "#ff9f1c", "#2ee6a8", "#e28bd0", "#fff07a", "#a9c7ff", "#a0a4a8", "#ff6f61")
DASHES = ("solid", "dash", "dot", "dashdot")
INK = ("#1f2328", "#e6e8eb")
GRID = ("#e3e6ea", "#30353c")
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


@dataclass(frozen=True)
class Look:
    """Of one line, or of one arm: no other of the first 32 has the same colour and dash."""

    colour: str
    dash: str

    @property
    def faint(self) -> str:
        """The colour for a band, through which the grid and other lines are seen."""
        return faint(self.colour)


def look(place: int) -> Look:
    return Look(LIGHT[place % len(LIGHT)], DASHES[place // len(LIGHT) % len(DASHES)])


def faint(colour: str, opacity: float = 0.18) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def plain(text: object) -> str:
    """A text that plotly shows as it is, where it would take `<b>` or `<a href=…>` for markup."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def for_page() -> dict[str, Any]:
    """The templates of plotly that the page puts under its figures, and which colour becomes which in the dark."""
    swaps = {light: dark for light, dark in zip(LIGHT, DARK, strict=True)}
    return {
        "light": template(dark=False),
        "dark": template(dark=True),
        "swaps": swaps | {_start(light): _start(dark) for light, dark in swaps.items()},
    }


def _start(colour: str) -> str:
    """How the colour of a band begins."""
    return faint(colour).rpartition(",")[0] + ","


def template(dark: bool) -> dict[str, Any]:
    ink, grid = INK[dark], GRID[dark]
    axis = {
        "gridcolor": grid,
        "linecolor": grid,
        "zerolinecolor": grid,
        "automargin": True,
        "title": {"standoff": 8},
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": grid,
    }
    return {
        "layout": {
            "colorway": list(DARK if dark else LIGHT),
            "font": {"family": FONT, "size": 13, "color": ink},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "margin": {"l": 8, "r": 12, "t": 12, "b": 8},
            "showlegend": False,
            "hovermode": "closest",
            "hoverlabel": {"bgcolor": "#22262c" if dark else "#ffffff", "bordercolor": grid, "font": {"color": ink}},
            "xaxis": axis,
            "yaxis": axis,
        }
    }
