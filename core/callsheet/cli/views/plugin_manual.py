"""What `callsheet plugins NAME` prints: the manual of one plugin."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from callsheet.plugins.manual import REQUIRED, Manual, Part, Setting

if TYPE_CHECKING:
    from rich.console import Console


def show(manual: Manual, console: Console | None = None) -> None:
    """Print `manual`, folded to the width of a terminal and unfolded anywhere else."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = console or Console()
    if console.is_terminal:
        manual = dataclasses.replace(manual, docstring=_unfolded(manual.docstring))
    for heading, lines in _sections(manual):
        console.print(Text(heading, style="bold"), soft_wrap=True)
        for line in lines:
            folds = console.is_terminal and heading != "Example"  # a command is there to be copied
            text = Text(line.lstrip() or " ") if folds else Text(line)
            console.print(Padding.indent(text, len(line) - len(line.lstrip())) if folds else text, soft_wrap=not folds)
        console.print()


def show_part(part: Part, console: Console | None = None) -> None:
    """Print what an engine, a dispatcher, an outbox kind or a command says of itself."""
    from rich.console import Console
    from rich.text import Text

    console = console or Console()
    heading = f"{part.name}, {part.noun} ({part.distribution} {part.version})"
    console.print(Text(heading, style="bold"), soft_wrap=True)
    console.print(Text(f"{part.docstring.strip()}\n\nFacts\n  object    {part.entry_point}\n"), soft_wrap=True)


def _sections(manual: Manual) -> list[tuple[str, list[str]]]:
    facts = {
        "ranks": manual.ranks,
        "on error": manual.on_error,
        "API": manual.requires_api,
        "class": manual.entry_point,
        "file": manual.file,
    }
    return [
        (f"{manual.name} ({manual.distribution} {manual.version})", manual.docstring.splitlines()),
        ("Settings", [line for setting in manual.settings for line in _lines(setting)]),
        ("Hooks", [f"  {hook}" for hook in manual.hooks] or ["  none"]),
        ("Facts", [f"  {key:<10}{value}" for key, value in facts.items()]),
        ("Example", [f"  {manual.example}"]),
    ]


def _lines(setting: Setting) -> list[str]:
    default = f" ({REQUIRED})" if setting.default == REQUIRED else f" = {setting.default}"
    return [
        f"  {setting.name}: {setting.type}{default}{setting.range and f', {setting.range}'}",
        *([f"      {setting.help}"] if setting.help else []),
    ]


def _unfolded(text: str) -> str:
    """`text` with a line for each paragraph, but for those with lines that are set in, which stand as they are."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(part if re.search(r"^(\s|[-*|>] )", part, re.MULTILINE) else " ".join(part.split("\n"))
                       for part in paragraphs)  # fmt: skip
