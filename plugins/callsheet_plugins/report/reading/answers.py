"""The answers behind a score, one for each prompt, from the file of predictions that its row names.

Each engine names things its way: what the built-in one, lm-eval and lighteval write is known, and usual names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from callsheet.completions.rows import shortened, text_of
from callsheet.experiments.results.answers import CLUSTERS, MOST, PROMPTS
from callsheet.values import dumps
from callsheet_plugins.report.reading.lines import Log

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import RunData
    from callsheet_plugins.report.reading.scores import Score

ASKED = ("prompt", "question", "query", "instruction", "input", "problem", "text")
SAID = ("answer", "prediction", "response", "generated", "generation", "output", "filtered_resps", "resps")
TARGETS = ("target", "expected", "gold", "reference", "label", "solution", "ground_truth")
COMPLETION = "completion"  # what a model should say, if another field holds what it said
DOC, RESPONSE = "doc", "model_response"  # where engines put what they asked, and what the model said
FILTER = "filter"  # of lm_eval, which answers each prompt once for each, and calls a metric "exact_match,strict-match"
GRADES = ("metric", "metrics", "scores")  # where they put scores
NO_SCORES = (*PROMPTS, *CLUSTERS, *ASKED, *SAID, *TARGETS, COMPLETION, "index", "idx", "step", "seed", "fold")
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
    """The answers behind a score of a run; none where their file is gone, or its rows name no prompt."""
    if score.predictions is None:
        return []
    rows = Log(run.inside, score.predictions, run.say).rows()
    found = [answer for row in islice(rows, MOST) for answer in _answered(row)]
    if next(rows, None) is not None:
        run.say(f"{score.predictions} has more than {MOST:,} answers; the others were not read.")
    return found


def _answered(row: Mapping[str, Any]) -> Iterator[Answered]:
    doc, response = _within(row, DOC), _within(row, RESPONSE)
    named = _first([row], PROMPTS)
    asked = _first([row, doc], ("id", *ASKED)) if named is None else named
    if asked is None:
        return
    said = _first([row], SAID) if _first([row], SAID) is not None else _first([response], ("text", *SAID))
    target, other = _first([row, doc], TARGETS), _first([row, doc], (COMPLETION,))
    cluster = _first([row], CLUSTERS)
    yield Answered(
        id=f"{row.get('task', '')}:{asked if isinstance(asked, str) else dumps(asked)}",
        prompt=_text(_prompt([row, doc], asked)),
        answer=_text(other if said is None else said),
        target=_text(_choice(doc) or (other if said is not None else None) if target is None else target),
        scores=dict(_scores(row)),
        cluster=None if cluster is None else dumps(cluster),
    )


def _within(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return inner if isinstance(inner := row.get(name), Mapping) else {}


def _choice(doc: Mapping[str, Any]) -> Any:
    """Of a question with choices, the right one, as lighteval has it."""
    choices, place = doc.get("choices"), doc.get("gold_index")
    place = place[0] if isinstance(place, list) and place else place
    if not isinstance(choices, list) or not isinstance(place, int) or not 0 <= place < len(choices):
        return None
    return choices[place]


def _prompt(places: Iterable[Mapping[str, Any]], asked: Any) -> Any:
    """What was asked; of a row that holds neither a prompt nor a question, what it names it by."""
    found = _first(places, ASKED)
    return asked if found is None else found


def _scores(row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    inner = (row[name] for name in GRADES if isinstance(row.get(name), Mapping))
    for place in (*inner, row):
        for name, value in place.items():
            if isinstance(value, (bool, int, float)) and name not in NO_SCORES:
                yield name, _number(value)
                if isinstance(row.get(FILTER), str):
                    yield f"{name},{row[FILTER]}", _number(value)


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("nan")


def _first(places: Iterable[Mapping[str, Any]], names: Iterable[str]) -> Any:
    names = [*names]
    return next((place[name] for place in places for name in names if place.get(name) is not None), None)


def _text(value: Any) -> str:
    """A text, or what stands for one: messages, and lists of one answer as lm-eval has them."""
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], (list, str)):
        value = value[0]
    if value is None:
        return ""
    if isinstance(value, str):
        return shortened(value, LONGEST)
    is_said = isinstance(value, list) and all(isinstance(each, Mapping) and "content" in each for each in value)
    return shortened(text_of(value) if is_said else dumps(value), LONGEST)
