"""Puts the page of a run beside its revision, in the courier."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypedDict

from callsheet.disk import os_errors, typed
from callsheet.disk.inside import Inside
from callsheet.hub import outgoing
from callsheet.hub.quota import Quota
from callsheet.outbox import Delivery, Handler, Hashes, Permanent, Transient
from callsheet_plugins.report.page.writing import NAME

KIND = "report"
REMEDY = "Take the secret out of what the run has recorded, and publish its page again."


class Payload(TypedDict):
    """An entry of kind `report`."""

    hub: str
    repo: str
    branch: str
    folder: str
    step: int
    private: bool
    timeout_seconds: float
    commits_per_hour: int
    weights: str
    coalesce: bool
    final: bool


class ReportHandler(Handler):
    """Carries out entries of kind `report`, one at a time: two may change one branch."""

    parallel: ClassVar[int] = 1

    def deliver(self, job: Delivery) -> Mapping[str, Any]:
        payload = typed.convert(dict(job.payload), Payload, "its payload")
        page = job.files[NAME]
        outgoing.refuse_secrets(NAME, payload["repo"], {"the branch": payload["branch"], NAME: page}, REMEDY)
        if payload["hub"] == "folder":
            return _in_folder(job, payload, page)
        quota = Quota(self.run_dir / "outbox" / "hub_commits.json")
        quota.wait_or_pass(job)
        outgoing.set_variables()
        from callsheet_plugins.report.publishing.huggingface import put

        return put(job, payload["repo"], payload["branch"], page, Hashes(self.run_dir).of(page), quota)


def _in_folder(job: Delivery, payload: Payload, page: Path) -> Mapping[str, Any]:
    folder = Path(os.path.normpath(job.run_dir / payload["folder"]))
    inside = Inside(job.run_dir) if folder.is_relative_to(job.run_dir) else Inside(folder, "the folder of branches")
    place = folder / payload["branch"]
    if not place.is_dir():
        raise Permanent(f"{place} holds no revision any more.", "Publish the page again, beside another one.")
    try:
        inside.write(place / NAME, page.read_bytes())
    except PermissionError as error:
        raise Permanent(os_errors.said(error, place)) from error
    except OSError as error:
        raise Transient(os_errors.said(error, place)) from error
    return {"url": (place / NAME).as_uri()}
