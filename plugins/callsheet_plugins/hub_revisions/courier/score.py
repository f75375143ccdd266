"""Writes scores into the model cards of published revisions, in the courier."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from callsheet.outbox import Delivery
from callsheet_plugins.hub_revisions.courier.payloads import ScorePayload, checked
from callsheet_plugins.hub_revisions.courier.publish import CARD, RevisionHandler, refuse_secrets
from callsheet_plugins.hub_revisions.scores import with_scores


class ScoreHandler(RevisionHandler):
    """Carries out entries of kind `hub_scores`, one at a time, because two may change the same card."""

    parallel: ClassVar[int] = 1

    def deliver(self, job: Delivery) -> Mapping[str, Any]:
        payload = checked(job.payload, ScorePayload)
        if not payload["metrics"]:
            return {}
        if payload["hub"] == "huggingface":
            self._quota.wait_or_pass(job)
        title = f"{payload['repo'].rpartition('/')[2]} {payload['branch']}"
        hub = self._hub(payload)
        if commit := hub.rewrite_card(job, partial(self._changed, title=title, scored=payload)):
            return {"card": commit}
        why = "holds another revision by now" if hub.holds(job) else "was removed"
        return {"skipped": f"{payload['branch']} {why}"}

    @staticmethod
    def _changed(text: str, title: str, scored: Mapping[str, Any]) -> str:
        card = with_scores(text, title, scored)
        refuse_secrets(scored, {CARD: card, "the commit's message": scored["message"]})
        return card
