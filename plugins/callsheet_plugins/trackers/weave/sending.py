"""Sends the completions of a step: as traced calls, or through Weave's `EvaluationLogger`; and finds what is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING, Any, Protocol

from callsheet_plugins.trackers.weave.completions import Completion, Sampled
from callsheet_plugins.trackers.weave.scoring import Scoring

if TYPE_CHECKING:
    from weave.trace.weave_client import WeaveClient

OP = "completion"
KEY, ROW = "callsheet_key", "callsheet_row"  # attributes of calls
COLUMNS = ["id", "op_name", "ended_at", "attributes"]


class Way(Protocol):
    """One way to send."""

    def send(self, client: WeaveClient, one: Sampled, about: Mapping[str, Any]) -> None:
        """Give all to the client."""

    def lacks(self, client: WeaveClient, one: Sampled) -> bool:
        """Whether the server lacks any of it; what it has half is removed there, or left out by the next `send`."""


class Traces:
    """Each completion is a call of its own."""

    def __init__(self) -> None:
        self._there: dict[str, set[str]] = {}

    def send(self, client: WeaveClient, one: Sampled, about: Mapping[str, Any]) -> None:
        there = self._there.pop(one.key, set())
        for completion in one.completions:
            if completion.row not in there:
                inputs = {"prompt": completion.prompt, "step": one.step, "source": one.source}
                attributes = {**about, KEY: _traced(one), ROW: completion.row}
                call = client.create_call(OP, inputs, attributes=attributes, use_stack=False)
                client.finish_call(call, output=completion.output)

    def lacks(self, client: WeaveClient, one: Sampled) -> bool:
        calls = [call for call in _calls(client, _traced(one)) if call.ended_at]
        self._there[one.key] = {str(call.attributes.get(ROW)) for call in calls}
        return not {completion.row for completion in one.completions} <= self._there[one.key]


@dataclass
class Evaluations:
    """Each step and source is one evaluation, with a summary."""

    dataset_name: str
    scoring: Scoring

    def send(self, client: WeaveClient, one: Sampled, about: Mapping[str, Any]) -> None:
        from weave import EvaluationLogger

        logger = EvaluationLogger(
            name=f"{about['run']} step {one.step}",
            model={"name": _class_name(about["model_name"]), "model_name": about["model_name"]},
            dataset=self.dataset_name,
            eval_attributes={**about, KEY: _evaluated(one)},
            scorers=self.scoring.names,
        )
        pairs = [(completion.asked, completion.completion) for completion in one.completions]
        scores = self.scoring.scorers.score(pairs)
        for completion, given in zip(one.completions, scores, strict=True):
            self._log(logger, completion, given)
        logger.log_summary(self._summary(scores), auto_summarize=False)

    def _log(self, logger: Any, completion: Completion, scores: Mapping[str, float | None]) -> None:
        logged = logger.log_prediction(inputs={"prompt": completion.prompt}, output=completion.output)
        for name, score in scores.items():
            if score is not None:
                logged.log_score(scorer=name, score=score)
        logged.finish()

    def _summary(self, scores: Sequence[Mapping[str, float | None]]) -> dict[str, Any]:
        """By TRL's names, and how often each scorer failed."""
        summary: dict[str, Any] = {"total_predictions": len(scores), "successful_predictions": len(scores)}
        for name in self.scoring.names:
            known = [score for row in scores if (score := row[name]) is not None]
            if known:
                summary[f"avg_{name}"] = fsum(known) / len(known)
            if len(known) < len(scores):
                summary[f"failed_{name}"] = len(scores) - len(known)
        return summary

    def lacks(self, client: WeaveClient, one: Sampled) -> bool:
        roots = list(_calls(client, _evaluated(one)))
        whole = [root for root in roots if root.ended_at and _predictions(client, root) >= len(one.completions)]
        if torn := [str(root.id) for root in roots if root not in whole]:
            client.delete_calls(torn)
        return not whole


def _traced(one: Sampled) -> str:
    return f"trace/{one.key}"


def _evaluated(one: Sampled) -> str:
    return f"evaluation/{one.key}"


def _calls(client: WeaveClient, key: str) -> Any:
    found = {"$expr": {"$eq": [{"$getField": f"attributes.{KEY}"}, {"$literal": key}]}}
    return client.get_calls(query=found, filter={"trace_roots_only": True}, columns=COLUMNS)


def _predictions(client: WeaveClient, root: Any) -> int:
    calls = client.get_calls(filter={"parent_ids": [root.id]}, columns=COLUMNS)
    return sum(1 for call in calls if "predict_and_score" in str(call.op_name) and call.ended_at)


def _class_name(name: str) -> str:
    """A name of a class, which Weave makes of the model."""
    made = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in name).lstrip("_")
    return made if made[:1].isalpha() else f"Model_{made}"
