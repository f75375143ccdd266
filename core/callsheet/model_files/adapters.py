"""The model below an adapter, where that is a folder on this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callsheet.model_files.contents import Damaged, json_of

CONFIG, BASE = "adapter_config.json", "base_model_name_or_path"
ALONE = r"\$\{[\w.]+:[^${}]*\}[^$]*"  # what a resolver gives, whatever else is set
DRAWN = "base"  # in the run directory: random weights, or a model with new rows, that an adapter trains on


def base_folder(config: Mapping[str, Any], run_dir: Path) -> Path | None:
    """The folder with the model below the adapter that a run of `config` trains; None for others, and for the Hub's.

    The folder need not exist (any more).
    """
    model = dict(config.get("model") or {})
    path = Path(str(_resolved(config, "model.path") or "")).expanduser()
    if (config.get("peft") or {}).get("type"):
        if model.get("init") == "config" or (run_dir / DRAWN / "config.json").is_file():
            return run_dir / DRAWN
        return path.absolute() if path.is_dir() else None
    if (path / "config.json").is_file():
        return None
    try:
        base = json_of(path / CONFIG).get(BASE)
    except Damaged:
        return None
    below = Path(str(base)).expanduser() if base else None
    return below.absolute() if below and (below.is_absolute() or below.is_dir()) else None


def _resolved(config: Mapping[str, Any], key: str) -> Any:
    """A value of `config`, which holds what was composed: `${…}` among it."""
    section, _, name = key.partition(".")
    value = (config.get(section) or {}).get(name)
    if "${" not in str(value):
        return value
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    needed = {section: {name: value}} if re.fullmatch(ALONE, str(value)) else dict(config)
    try:
        return OmegaConf.select(OmegaConf.create(needed), key)
    except (OmegaConfBaseException, ValueError):
        return None
