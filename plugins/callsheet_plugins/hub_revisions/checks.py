"""Checks of publishing before training: names, folder, token, owner and branches."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.data.evaluation import without_loss
from callsheet.disk import os_errors
from callsheet.model_files.adapters import DRAWN, base_folder
from callsheet.secrets import secrets_at
from callsheet_plugins.hub_revisions import naming

if TYPE_CHECKING:
    from callsheet.records import LogContext, PreflightReport
    from callsheet_plugins.hub_revisions.settings import RevisionSettings

SILENT_SECONDS, CONNECT_SECONDS = 10.0, 5.0
WHERE = "plugins.hub_revisions"


def check_settings(plugin: RevisionSettings, ctx: LogContext, report: PreflightReport) -> None:
    """Add the problems that do not depend on `hub`."""
    if problem := naming.problem_with_branch(naming.branch_of(plugin.revision, 0)):
        report.problem(f"{WHERE}.revision={plugin.revision!r} {problem}")
    if plugin.keep_best and plugin.keep_last is None:
        report.problem(f"{WHERE}.keep_best={plugin.keep_best} needs keep_last: without it all branches stay. Set both.")
    args = (ctx.run_config.get("trainer") or {}).get("args") or {}
    if plugin.keep_best and ctx.run_config and str(args.get("eval_strategy", "no")) == "no":
        report.warning(f"{WHERE}.keep_best needs {plugin.metric}, and trainer.args.eval_strategy=no measures nothing.")
    if plugin.keep_best and (said := without_loss(f"{WHERE}.metric", plugin.metric, ctx.run_config)):
        report.problem(said)
    names = {name: getattr(plugin, name) for name in ("repo", "revision", "folder", "base_model")}
    for place, kind in secrets_at(WHERE, names):
        report.problem(f"{place} holds {kind}, which would be published. Write another value.")
    _check_base(plugin, ctx, report)
    selected = ctx.run_config.get("plugins") or {}
    if unknown := [name for name in plugin.artifacts if selected and name not in selected]:
        report.warning(f"{WHERE}.artifacts: no selected plugin is called {', '.join(unknown)}.")


def _check_base(plugin: RevisionSettings, ctx: LogContext, report: PreflightReport) -> None:
    """Say where an adapter would be published that nobody can load, because nobody else has the model below it."""
    setting = f"{WHERE}.base_model"
    if plugin.base_model and (not naming.REPO.match(plugin.base_model) or Path(plugin.base_model).exists()):
        report.problem(f"{setting}={plugin.base_model} is no id of a model on the Hub; Qwen/Qwen3-0.6B is one.")
    elif not plugin.base_model and (base := base_folder(ctx.run_config, ctx.run_dir)):
        drawn = base == ctx.run_dir / DRAWN
        what = "random weights, which are not published" if drawn else f"{base}, which nobody else has"
        report.warning(
            f"An adapter is published without the model below it ({what}). Its path is not published; if that model is "
            f"on the Hub, {setting}=OWNER/NAME names it."
        )


def check_folder(plugin: RevisionSettings, ctx: LogContext, report: PreflightReport) -> None:
    """Add the problems of publishing to the folder."""
    folder = Path(plugin.folder).expanduser().absolute() if plugin.folder else ctx.run_dir / "hub"
    if plugin.folder and (said := os_errors.unwritable(folder)):
        report.problem(os_errors.of_setting(f"{WHERE}.folder", plugin.folder, said))
        return
    prefix = folder / _start_of(plugin)
    found = [*prefix.parent.glob(f"{glob.escape(prefix.name)}*")] if prefix.parent.is_dir() else []
    if _pushes(ctx) and (folder / plugin.revision).exists():
        found.append(folder / plugin.revision)
    _refuse_existing(plugin, ctx, [str(path.relative_to(folder)) for path in found], str(folder), report)


def check_hub(plugin: RevisionSettings, ctx: LogContext, report: PreflightReport) -> None:
    """Add the problems of publishing to the Hub, which is asked with short time-outs."""
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
    from callsheet.hub import client
    from callsheet.outbox import Transient

    with client.time_outs(SILENT_SECONDS, CONNECT_SECONDS):
        try:
            _ask(plugin, ctx, report)
        except (Transient, OSError) as error:
            report.warning(f"The Hub could not be asked whether {plugin.repo} can be written: {error}")


def _ask(plugin: RevisionSettings, ctx: LogContext, report: PreflightReport) -> None:
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
    try:
        branches = [ref.name for ref in api.list_repo_refs(str(plugin.repo)).branches]
    except HfHubHTTPError:
        return  # there is no such repository yet
    found = [name for name in branches if name.startswith(_start_of(plugin))]
    if _pushes(ctx) and plugin.revision in branches:
        begun = len(api.list_repo_commits(str(plugin.repo), revision=plugin.revision)) > 1
        found += [plugin.revision] if begun else []
    _refuse_existing(plugin, ctx, found, str(plugin.repo), report)


def _scope_problem(who: dict[str, Any], repo: str) -> str:
    """Why the token cannot write to `repo`, or an empty string; `who` is the Hub's answer about the token."""
    owner = repo.partition("/")[0]
    roles = {org.get("name"): org.get("roleInOrg") for org in who.get("orgs", ())}
    names = [who.get("name"), *roles]
    access = (who.get("auth") or {}).get("accessToken") or {}
    if owner not in names:
        return f"the token belongs to {names[0]}, who may write to {', '.join(map(str, names))}, not to {owner}."
    if roles.get(owner) == "read":
        return f"{names[0]} may only read what belongs to {owner}."
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


def _refuse_existing(
    plugin: RevisionSettings, ctx: LogContext, found: list[str], where: str, report: PreflightReport
) -> None:
    """Refuse branches of another run; a resumed run has an outbox, and the branches are its own."""
    if found and not plugin.overwrite_hub_revision and not (ctx.run_dir / "outbox").exists():
        report.problem(
            f"{where} has the branch {min(found)}" + (f" and {len(found) - 1} more" if len(found) > 1 else "") + " "
            f"already. Choose another {WHERE}.revision, or set {WHERE}.overwrite_hub_revision=true."
        )


def _pushes(ctx: LogContext) -> bool:
    return bool((ctx.run_config.get("finish") or {}).get("push"))


def _start_of(plugin: RevisionSettings) -> str:
    return naming.branch_of(plugin.revision, 0).removesuffix("000000000")
