"""Checks of the folder that `model.path` names."""

from __future__ import annotations

from pathlib import Path

from callsheet.config.plan import Plan
from callsheet.config.schema import ModelSettings
from callsheet.errors import did_you_mean
from callsheet.trainer.saved_adapters import base_of


def problems(plan: Plan) -> list[str]:
    """List why a local `model.path` cannot be loaded; an id on the Hub is not checked."""
    path = Path(plan.model.path).expanduser()
    if path.is_dir():
        return _folder_problems(plan, path)
    if plan.model.path.startswith((".", "/", "~")) or plan.model.path.count("/") > 1 or path.is_file():
        return [f"model.path={plan.model.path} is not a folder.{_nearest_sibling(path)}"]
    return []


def _folder_problems(plan: Plan, path: Path) -> list[str]:
    names = {entry.name for entry in path.iterdir()}
    if not names & {"config.json", "adapter_config.json"}:
        return [f"model.path={plan.model.path} holds no config.json, so it is no model."]
    if base := base_of(plan.model):
        return _adapter_problems(plan, base)
    has_weights = any(name.endswith((".safetensors", ".bin", ".index.json")) for name in names)
    if plan.model.init == "pretrained" and not has_weights:
        return [f"model.path={plan.model.path} holds no weights. To draw them at random, set model.init=config."]
    return []


def _adapter_problems(plan: Plan, base: ModelSettings) -> list[str]:
    if plan.peft.type:
        return [
            f"model.path={plan.model.path} is an adapter, and that adapter trains; leave peft={plan.peft.type} out."
        ]
    if Path(base.path).is_absolute() and not Path(base.path).is_dir():
        return [f"model.path={plan.model.path} is an adapter of {base.path}, and that folder no longer exists."]
    return []


def _nearest_sibling(path: Path) -> str:
    try:
        return did_you_mean(path.name, [entry.name for entry in path.absolute().parent.iterdir() if entry.is_dir()])
    except OSError:
        return ""
