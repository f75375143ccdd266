"""Where completions go: the project of the setting, else of a Weave client, else of a W&B run."""

from __future__ import annotations

import netrc
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

KEY = "WANDB_API_KEY"
SERVER = "https://api.wandb.ai"
FORBIDDEN = re.compile(r"[/\\#?%:\s]")
LONGEST = 128  # characters, of a project


def of(project_name: str | None, config: Mapping[str, Any]) -> str | None:
    """The project as "entity/project" or "project"; None if nobody names one. Imports neither weave nor wandb."""
    return project_name or _of_client() or _of_run() or _of_settings(config) or _of_environment()


def problem(project_name: str) -> str:
    """What is wrong with the name of a project, as the end of a sentence, or an empty string."""
    entity, slash, project = project_name.rpartition("/")
    if not project or (slash and not entity) or "/" in entity:
        return "is neither 'project' nor 'entity/project'."
    if found := FORBIDDEN.search(entity) or FORBIDDEN.search(project):
        return f"has {found[0]!r}, which W&B allows in no name."
    return "" if len(project) <= LONGEST else f"is longer than {LONGEST} characters."


def has_key() -> bool:
    """Whether this machine has credentials for W&B, where weave looks for them."""
    if os.environ.get(KEY) or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL") or SERVER).netloc
    return any(_in_netrc(Path(name).expanduser(), host) for name in ("~/.netrc", "~/_netrc"))


def _in_netrc(file: Path, host: str) -> bool:
    try:
        return netrc.netrc(file).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False


def _of_client() -> str | None:
    weave = sys.modules.get("weave")
    client = weave.get_client() if weave else None
    return f"{client.entity}/{client.project}" if client else None


def _of_run() -> str | None:
    run = getattr(sys.modules.get("wandb"), "run", None)
    return _joined(run.entity, run.project) if run else None


def _of_settings(config: Mapping[str, Any]) -> str | None:
    wandb = (config.get("plugins") or {}).get("wandb") or {}
    return _joined(wandb.get("entity") or os.environ.get("WANDB_ENTITY"), wandb.get("project"))


def _of_environment() -> str | None:
    return _joined(os.environ.get("WANDB_ENTITY"), os.environ.get("WANDB_PROJECT"))


def _joined(entity: str | None, project: str | None) -> str | None:
    return f"{entity}/{project}" if entity and project else project
