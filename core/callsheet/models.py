"""The model and tokenizer of a run, loaded or drawn at random."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.errors import CallsheetError
from callsheet.schema import ModelSettings

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load_model(model: ModelSettings) -> PreTrainedModel:
    """The causal language model that `model` describes; with init=config its weights come from the seed set before."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    source: dict[str, Any] = {"revision": model.revision, "trust_remote_code": model.trust_remote_code}
    if model.attn_implementation:
        source["attn_implementation"] = model.attn_implementation
    with explained(model):
        if model.init == "pretrained":
            dtype = model.dtype if model.dtype == "auto" else getattr(torch, model.dtype)
            return AutoModelForCausalLM.from_pretrained(_path(model), dtype=dtype, **source, **model.kwargs)
        config = AutoConfig.from_pretrained(_path(model), **source, **model.kwargs)
        dtype = torch.float32 if model.dtype == "auto" else getattr(torch, model.dtype)
        return AutoModelForCausalLM.from_config(config, dtype=dtype, trust_remote_code=model.trust_remote_code)


def load_tokenizer(model: ModelSettings) -> PreTrainedTokenizerBase:
    from transformers import AutoTokenizer

    with explained(model):
        return AutoTokenizer.from_pretrained(
            _path(model), revision=model.revision, trust_remote_code=model.trust_remote_code
        )


class explained:
    """Says in one sentence why transformers could not load `model`."""

    def __init__(self, model: ModelSettings) -> None:
        self.model = model

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (OSError, ValueError, KeyError, ImportError)):
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise CallsheetError(f"model.path={self.model.path} could not be loaded: {first}") from error


def _path(model: ModelSettings) -> str:
    folder = Path(model.path).expanduser()
    return str(folder) if folder.is_dir() else model.path
