"""What can be known to be wrong with publishing to the Hub before training: names, token, owner, branches."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from callsheet_plugins.hub_revisions import naming

if TYPE_CHECKING:
    from callsheet.records import LogContext, Report
    from callsheet_plugins.hub_revisions.plugin import HubRevisions

SILENT_SECONDS, CONNECT_SECONDS = 10.0, 5.0
WHERE = "plugins.hub_revisions"


def check(plugin: HubRevisions, ctx: LogContext, report: Report) -> None:
    """Add what is wrong to `report`; asks the Hub, with short time-outs."""
    if not plugin.repo:
        report.problem(f"{WHERE}.repo must be set for hub=huggingface, as in {WHERE}.repo=me/my-model.")
        return
    if problem := naming.problem_with_repo(plugin.repo):
        report.problem(f"{WHERE}.repo={plugin.repo!r} {problem}")
        return
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        report.problem(
            f"{WHERE}.hub=huggingface needs the Hub, and HF_HUB_OFFLINE is set. Unset it, or use hub=folder."
        )
        return
    from callsheet.outbox import Transient
    from callsheet_plugins.hub_revisions import client

    with client.time_outs(SILENT_SECONDS, CONNECT_SECONDS):
        try:
            _ask(plugin, ctx, report)
        except (Transient, OSError) as error:
            report.warning(f"The Hub could not be asked whether {plugin.repo} can be written: {error}")


def _ask(plugin: HubRevisions, ctx: LogContext, report: Report) -> None:
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError

    if not get_token():
        report.problem(f"{WHERE}.hub=huggingface needs a token: set HF_TOKEN, or run hf auth login.")
        return
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)
    try:
        who = api.whoami()
    except HfHubHTTPError as error:
        report.problem(f"The Hub refuses the token ({error.response.status_code}). Set HF_TOKEN to a valid one.")
        return
    if problem := _scope_problem(who, str(plugin.repo)):
        report.problem(f"{WHERE}.repo={plugin.repo}: {problem}")
        return
    if not plugin.overwrite_hub_revision and not (ctx.run_dir / "outbox").exists():
        _refuse_existing(plugin, api, report)


def _scope_problem(who: dict[str, Any], repo: str) -> str:
    """Why the token cannot write to the owner of `repo`, as far as the Hub tells."""
    owner = repo.partition("/")[0]
    names = [who.get("name"), *(org.get("name") for org in who.get("orgs", ()))]
    access = (who.get("auth") or {}).get("accessToken") or {}
    if owner not in names:
        return f"the token belongs to {names[0]}, who may write to {', '.join(map(str, names))}, not to {owner}."
    if access.get("role") == "read":
        return "the token may only read. Make one with write access."
    if access.get("role") == "fineGrained" and not _may_write(access.get("fineGrained") or {}, owner, repo):
        return "the fine-grained token has no repo.write for it. Give it that permission."
    return ""


def _may_write(scopes: dict[str, Any], owner: str, repo: str) -> bool:
    granted = [
        permission
        for scoped in scopes.get("scoped", ())
        if (scoped.get("entity") or {}).get("name") in (owner, repo)
        for permission in scoped.get("permissions", ())
    ]
    return "repo.write" in [*granted, *scopes.get("global", ())]


def _refuse_existing(plugin: HubRevisions, api: Any, report: Report) -> None:
    from huggingface_hub.errors import HfHubHTTPError

    try:
        branches = [ref.name for ref in api.list_repo_refs(plugin.repo).branches]
    except HfHubHTTPError:
        return  # there is no such repository yet
    start = naming.branch_of(plugin.revision, 0).removesuffix("000000000")
    if taken := sorted(name for name in branches if name.startswith(start)):
        report.problem(
            f"{plugin.repo} has the branch {taken[0]}" + (f" and {len(taken) - 1} more" if len(taken) > 1 else "") + " "
            f"already. Choose another {WHERE}.revision, or set {WHERE}.overwrite_hub_revision=true."
        )
