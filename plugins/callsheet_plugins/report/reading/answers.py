"""The answers behind a score, one for each prompt, from the file of predictions that its row names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from callsheet.experiments.results.answers import CLUSTERS, MOST, PROMPTS
from callsheet.values import dumps
from callsheet_plugins.report.reading.lines import Log

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import RunData
    from callsheet_plugins.report.reading.scores import Score

ASKED = ("prompt", "question", "query", "input", "doc")
SAID = ("answer", "prediction", "response", "output", "generated", "filtered_resps", "resps", "completion")
TARGETS = ("target", "expected", "gold", "reference", "completion")
LONGEST = 20_000  # characters of a text that are kept


@dataclass(frozen=True)
class Answered:
    """What a model answered to one prompt. `id` tells the prompt apart in every score of its benchmark."""

    id: str
    prompt: str
    answer: str
    target: str
    scores: Mapping[str, float]
    cluster: str | None = None


def answers(run: RunData, score: Score) -> list[Answered]:
    """The answers behind a score of a run; none where their file is gone."""
    if score.predictions is None:
        return []
    rows = islice(Log(run.inside, score.predictions, run.say).rows(), MOST)
    return [found for row in rows for found in _answered(row)]


def _answered(row: Mapping[str, Any]) -> Iterator[Answered]:
    asked = _first(row, PROMPTS)
    if asked is None:
        return
    target_name = _name(row, TARGETS, besides=_name(row, SAID))
    cluster = _first(row, CLUSTERS)
    yield Answered(
        id=f"{row.get('task', '')}:{asked if isinstance(asked, str) else dumps(asked)}",
        prompt=_text(_first(row, ASKED, asked)),
        answer=_text(_first(row, SAID)),
        target=_text(row.get(target_name) if target_name else None),
        scores={name: float(value) for name, value in row.items() if _is_score(name, value)},
        cluster=None if cluster is None else dumps(cluster),
    )


def _is_score(name: str, value: Any) -> bool:
    if name in (*PROMPTS, *CLUSTERS):
        return False
    return isinstance(value, (bool, int, float))


def _name(row: Mapping[str, Any], names: tuple[str, ...], besides: str | None = None) -> str | None:
    return next((name for name in names if row.get(name) is not None and name != besides), None)


def _first(row: Mapping[str, Any], names: tuple[str, ...], otherwise: Any = None) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), otherwise)


def _text(value: Any) -> str:
    text = "" if value is None else value if isinstance(value, str) else dumps(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"
