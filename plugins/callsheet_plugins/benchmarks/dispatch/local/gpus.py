"""How many GPUs a model is evaluated on, from its files alone, by the rule of open-r1."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from callsheet.model_files.contents import Damaged, json_of
from callsheet.model_files.safetensors import shapes_in
from callsheet.privates.huggingface_hub import http_library

SHARDED_FROM = 30_000_000_000  # parameters from which the weights of one model are spread over GPUs
MOST = 8
ASK_SECONDS = 20.0
IN_NAMES = re.compile(r"(?<![a-z0-9.])(?:(\d+)x)?(\d+(?:\.\d+)?)([bm])(?![a-z0-9])")


def needed(folder: Path | None, repo: str = "", commit: str | None = None) -> int:
    """GPUs for the model in `folder`, or else for `repo` at `commit`, which the Hub is asked about, briefly.

    From 30 billion parameters on, as many as its attention heads, and 64, can be divided by; below that one is enough.
    """
    parameters = parameters_of(folder) if folder else _parameters_on_hub(repo, commit) or parameters_in(repo)
    return 1 if parameters < SHARDED_FROM else divisor(heads_of(folder or _config_on_hub(repo, commit)))


def divisor(heads: int, most: int = MOST) -> int:
    """The largest number of GPUs up to `most` that the heads, and 64, can be shared among evenly.

    >>> divisor(40), divisor(28), divisor(25)
    (8, 4, 1)
    """
    return next(number for number in range(most, 0, -1) if heads % number == 0 and 64 % number == 0)


def heads_of(folder: Path) -> int:
    """Attention heads by `config.json`; 64, which rules nothing out, where it does not say."""
    config = _json(folder / "config.json")
    parts = [config, *(config.get(part) for part in ("text_config", "llm_config", "language_config"))]
    found = (part.get("num_attention_heads") or part.get("n_head") for part in parts if isinstance(part, dict))
    return next((heads for heads in found if isinstance(heads, int) and heads > 0), 64)


def parameters_of(folder: Path) -> int:
    """How many parameters lie in `folder`: by the index where it counts them, else by the head of each file."""
    metadata = _json(folder / "model.safetensors.index.json").get("metadata")
    total = metadata.get("total_parameters") if isinstance(metadata, dict) else None
    if isinstance(total, (int, float)) and 0 < total < float("inf"):
        return int(total)
    return sum(_parameters_in(path) for path in folder.glob("*.safetensors") if not path.name.startswith("adapter_"))


def parameters_in(name: str) -> int:
    """By the largest number in a name such as Qwen3-32B or Mixtral-8x7B; 0 when there is none.

    >>> parameters_in("mistralai/Mixtral-8x7B-v0.1"), parameters_in("SmolLM2-135M"), parameters_in("gpt2")
    (56000000000, 135000000, 0)
    """
    found = IN_NAMES.findall(name.lower())
    sizes = [int(times or 1) * float(number) * (1e9 if unit == "b" else 1e6) for times, number, unit in found]
    return int(max(sizes, default=0))


def _parameters_in(path: Path) -> int:
    try:
        return sum(map(prod, shapes_in(path).values()))
    except (OSError, Damaged):
        return 0


def _json(path: Path) -> Mapping[str, Any]:
    try:
        return json_of(path)
    except Damaged:
        return {}


def _parameters_on_hub(repo: str, commit: str | None) -> int:
    """By the Hub's own count; 0 when it cannot be asked, and the name must do."""
    from huggingface_hub import HfApi

    try:
        found = HfApi().model_info(repo, revision=commit, timeout=ASK_SECONDS, expand=["safetensors"]).safetensors
    except (http_library().HTTPError, OSError, ValueError):
        return 0
    return int(found.total) if found else 0


def _config_on_hub(repo: str, commit: str | None) -> Path:
    """The folder that holds its `config.json`, or one that holds none."""
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(repo, "config.json", revision=commit, etag_timeout=ASK_SECONDS)).parent
    except (http_library().HTTPError, OSError, ValueError):
        return Path("nowhere")
