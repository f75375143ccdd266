"""Plugins that import a training library before training: every command then takes the seconds that it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from callsheet.plugins import entry_points
from callsheet.plugins.lineup import Lineup
from callsheet.records import PreflightReport

ADVICE = "Every command that names the plugin waits for it. Import it inside the hook that needs it."


@contextmanager
def watched(lineup: Lineup, report: PreflightReport) -> Iterator[None]:
    """Warn of plugins whose module imported a heavy library, and of a `preflight` that imports one meanwhile."""
    for name, slow in entry_points.slow_imports().items():
        if name in {member.name for member in lineup.members}:
            who = f"Plugin {name!r} from {slow.origin}"
            report.warning(f"{who} imports {slow.library} with its module, which took {slow.seconds:.1f} s. {ADVICE}")
    for said in entry_points.changes_by_imports({member.name for member in lineup.members}):
        report.warning(said)
    before = entry_points.heavy_modules()
    yield
    if brought := entry_points.heavy_modules() - before:
        took = {name: hooks["preflight"]["seconds"] for name, hooks in lineup.cost().items() if "preflight" in hooks}
        name = max(took, key=lambda each: took[each], default="")
        library, seconds = entry_points.heaviest(brought), took.get(name, 0)
        report.warning(f"Plugin {name!r} imports {library} in preflight, which took {seconds:.1f} s. {ADVICE}")
