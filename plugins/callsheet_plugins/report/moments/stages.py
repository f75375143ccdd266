"""How checkpoints went out: saved, published, scored, and how long each took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from callsheet_plugins.report.moments.starts import known
from callsheet_plugins.report.sampled.steps import by_worth
from callsheet_plugins.report.telling.times import lag

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import RunData
    from callsheet_plugins.report.reading.checkpoints import Checkpoint, Published

TORN = ("torn_checkpoint", "not_completed")  # events
HERE, GONE = "on disk", "deleted"


@dataclass(frozen=True)
class Stage:
    """A revision of a checkpoint, or a checkpoint that was not published. Times are None where nothing tells.

    `state` says where its files are, or why they cannot be used. `link` is a web address, else empty.
    """

    step: int | None
    checkpoint: str
    state: str
    saved: float | None = None
    weights: str = ""
    commit: str = ""
    link: str = ""
    is_published: bool = False
    published: float | None = None
    scored: float | None = None

    @property
    def publishing(self) -> float | None:
        """Seconds from its save until it was on the Hub."""
        return lag(self.saved, self.published)

    @property
    def scoring(self) -> float | None:
        """Seconds from there until it was scored; from its save where it was not published."""
        return lag(self.published if self.is_published else self.saved, self.scored)


def stages(run: RunData) -> list[Stage]:
    """By step; torn ones at the end."""
    ended = max((attempt.ended for attempt in run.attempts if attempt.ended), default=None)
    over = ended is not None and all(attempt.ended for attempt in run.attempts[-1:])
    found = [stage for checkpoint in run.checkpoints for stage in _of(checkpoint, ended if over else None)]
    return [*found, *(_torn(event) for event in run.events if event.get("event") in TORN)]


def some(found: Sequence[Stage], most: int) -> list[Stage]:
    """Those of the newest step, of the first and of steps evenly between, `most` at most; torn ones before others."""
    torn = [stage for stage in found if stage.step is None][-most:]
    by_step: dict[int, list[Stage]] = {}
    for stage in found:
        if stage.step is not None:
            by_step.setdefault(stage.step, []).append(stage)
    kept = list[Stage]()
    for step in by_worth(sorted(by_step)):
        if len(kept) + len(torn) + len(by_step[step]) > most:
            break
        kept += by_step[step]
    return [*sorted(kept, key=lambda stage: stage.step or 0), *torn]


def usual(lags: Sequence[float | None]) -> tuple[float, float] | None:
    """The median and the longest of those that are known."""
    found = [each for each in lags if each is not None]
    return (median(found), max(found)) if found else None


def web_address(url: str) -> str:
    """`url` if it is one that a page may link to, else empty.

    >>> web_address("https://huggingface.co/me/demo"), web_address("javascript:alert(1)"), web_address("https://[")
    ('https://huggingface.co/me/demo', '', '')
    """
    try:
        parts = urlsplit(url)
        return url if parts.scheme in ("http", "https") and parts.hostname and url.isprintable() else ""
    except ValueError:
        return ""


def _of(checkpoint: Checkpoint, ended: float | None) -> list[Stage]:
    """What is known of it. Files that are younger than the end of their run were copied: their time tells nothing."""
    saved = known(checkpoint.saved)
    is_copied = saved is not None and ended is not None and saved > ended + 1
    about = (checkpoint.step, checkpoint.name, HERE if checkpoint.is_there else GONE, None if is_copied else saved)
    return [_published(about, revision) for revision in checkpoint.revisions] or [Stage(*about)]


def _published(about: tuple[int, str, str, float | None], revision: Published) -> Stage:
    return Stage(
        *about,
        weights=revision.weights,
        commit=revision.commit,
        link=web_address(revision.url),
        is_published=True,
        published=known(revision.time),
        scored=known(min(revision.scored, default=None)),
    )


def _torn(event: Mapping[str, Any]) -> Stage:
    name = str(event.get("name") or event.get("checkpoint") or "a checkpoint")
    why = event.get("fault") or event.get("error")
    return Stage(None, name, f"incomplete: {why}" if why else "incomplete")
