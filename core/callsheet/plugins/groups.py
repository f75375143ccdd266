"""The groups of entry points that packages may join, and which names can be used in them."""

from __future__ import annotations

from dataclasses import dataclass

VALUES = ("null", "true", "false", "inf", "nan")  # what Hydra reads as values, in any case
KEYWORDS = ("_self_", "_global_")  # what Hydra's defaults lists and packages mean by them


@dataclass(frozen=True)
class Group:
    """One group: `noun` says what its entries are. Each is a subclass of `parent`, or a class with these `methods`.

    `is_typed` means that users type its names as overrides, so that Hydra must be able to read them.
    """

    key: str
    noun: str
    parent: str = ""
    methods: tuple[str, ...] = ()
    is_typed: bool = True

    @property
    def title(self) -> str:
        return self.noun[:1].upper() + self.noun[1:]

    def problem_with(self, name: str) -> str:
        """Why nobody could type `name`, as a sentence; empty for a good one."""
        if self.is_typed:
            return _problem(name)
        if name and name.split() == [name] and not name.startswith("-"):
            return ""
        return "its name is empty, has spaces or begins with '-'. Rename the entry point."


PLUGINS = Group("callsheet.plugins", "plugin", parent="callsheet.hooks:Plugin")
ENGINES = Group("callsheet.benchmark_engines", "benchmark engine", methods=("problems", "command", "results"))
DISPATCHERS = Group("callsheet.benchmark_dispatchers", "benchmark dispatcher", methods=("submit", "look", "cancel"))
OUTBOX = Group("callsheet.outbox", "outbox kind", parent="callsheet.outbox.handlers:Handler", is_typed=False)
COMMANDS = Group("callsheet.commands", "command", is_typed=False)
GROUPS = (PLUGINS, ENGINES, DISPATCHERS, OUTBOX, COMMANDS)


def _problem(name: str) -> str:
    """
    >>> _problem("hub-revisions"), _problem("3d")
    ('', "its name begins with '3', so Hydra cannot read it in an override. Rename the entry point.")
    """
    if name.lower() in VALUES or name in KEYWORDS:
        why = "means something else to Hydra"
    elif not name:
        why = "is empty"
    elif odd := [mark for mark in name if not (mark.isascii() and (mark.isalnum() or mark in "_-"))]:
        why = f"holds {odd[0]!r}, so Hydra cannot read it in an override"
    elif name[0].isalpha() or name[0] == "_":
        return ""
    else:
        why = f"begins with {name[0]!r}, so Hydra cannot read it in an override"
    return f"its name {why}. Rename the entry point."
