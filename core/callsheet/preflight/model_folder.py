"""Checks of the folder that `model.path` names."""

from __future__ import annotations

import re
from pathlib import Path

from callsheet.config.plan import Plan
from callsheet.config.schema import ModelSettings
from callsheet.errors import CallsheetError, did_you_mean
from callsheet.model_files import cached
from callsheet.trainer.saved_adapters import base_of

# As huggingface_hub 2.4 has them: utils/_validators.py. A revision becomes the name of a file in its cache.
HUB_ID, LONGEST_ID = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII), 96
REVISION, LONGEST_NAME = re.compile(r"[^\s~^:?*\[\\/-][^\s~^:?*\[\\]*"), 255
SHOWN = 60
MARKS = ("config.json", "adapter_config.json")  # of the folder of a model


def problems(plan: Plan) -> list[str]:
    """List why a local `model.path` or `trainer.ref_model` cannot be loaded; an id on the Hub is not checked."""
    path = Path(plan.model.path).expanduser()
    if path.is_dir():
        found = _folder_problems(plan, path)
    else:
        found = _place_problems("model.path", plan.model.path) or _revision_problems(plan)
    return [*found, *(_place_problems("trainer.ref_model", plan.trainer.ref_model) if plan.trainer.ref_model else ())]


def _place_problems(name: str, written: str) -> list[str]:
    """Why `written` is neither a folder here nor, as far as its form tells, a model on the Hub."""
    path = Path(written).expanduser()
    if path.is_dir():
        return []
    if written.startswith((".", "/", "~")) or written.count("/") > 1 or path.is_file():
        return [f"{name}={written} is not a folder.{_nearest_sibling(path)}"]
    if not HUB_ID.fullmatch(written) or len(written) > LONGEST_ID:
        return [f"{name}={_cut(written)} is no folder here, and cannot be an id on the Hub."]
    # Without an organization, it is a folder that was misspelled, rather than one of the Hub's oldest models.
    if "/" in written or cached.is_known(written) or not (near := _nearest_model(path)):
        return []
    said = f"There is no folder {name}={written} here.{near}"
    return [f"{said} For a model on the Hub, write its id with its organization, as in openai-community/gpt2."]


def _nearest_model(path: Path) -> str:
    """The name of a model beside `path` that it may be meant for; one that goes on behind it was made from it."""
    beside = _entries(path.absolute().parent)
    models = [entry.name for entry in beside if any((entry / mark).is_file() for mark in MARKS)]
    others = [name for name in models if not (name.startswith(path.name) and len(name) > len(path.name) + 1)]
    return did_you_mean(str(path), [str(path.with_name(name)) for name in others])


def _revision_problems(plan: Plan) -> list[str]:
    """A revision is a branch, a tag or a commit, whose names git restricts."""
    revision = plan.model.revision
    if revision is None or (REVISION.fullmatch(revision) and ".." not in revision and len(revision) <= LONGEST_NAME):
        return []
    return [f"model.revision={_cut(revision)} cannot be a branch, a tag or a commit."]


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)} characters)"


def warnings(plan: Plan) -> list[str]:
    """A name that may be meant for a folder, and may be an id on the Hub."""
    path = Path(plan.model.path).expanduser()
    if plan.model.path.count("/") != 1 or path.exists() or problems(plan) or not (near := _nearest_model(path)):
        return []
    return [f"There is no folder {plan.model.path} here, so model.path is taken for an id on the Hub.{near}"]


def _folder_problems(plan: Plan, path: Path) -> list[str]:
    if plan.model.revision:
        return [f"model.revision is set, and model.path={plan.model.path} is a folder, which has no revisions."]
    names = {entry.name for entry in path.iterdir()}
    if not names & {*MARKS}:
        return [f"model.path={plan.model.path} holds no config.json, so it is no model."]
    try:
        base = base_of(plan.model)
    except CallsheetError as error:
        return [str(error)]
    if base:
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
    folders = [entry.name for entry in _entries(path.absolute().parent) if entry.is_dir()]
    return did_you_mean(path.name, folders, before=str(path).removesuffix(path.name))


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
