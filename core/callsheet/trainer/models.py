"""The model and tokenizer of a run, loaded or drawn at random."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.config.schema import ModelSettings
from callsheet.disk import os_errors
from callsheet.errors import CallsheetError, first_line, sentences
from callsheet.introspect.classes import find_class
from callsheet.introspect.importing import import_object
from callsheet.introspect.modules import find_module
from callsheet.model_files import cached, weights
from callsheet.model_files.contents import Damaged
from callsheet.model_files.rows import SIZE
from callsheet.model_files.safetensors import misfits
from callsheet.privates.transformers import model_of, not_partitioned
from callsheet.trainer.chat_template import template_of
from callsheet.trainer.embedding import resized
from callsheet.trainer.saved_adapters import base_of, with_saved

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

AUTO = "transformers.models.auto.modeling_auto"
MISMATCH = "ignore_mismatched_sizes"  # transformers 5.23 says no more in its error (loading_report.py)


def class_problems(model: ModelSettings) -> list[str]:
    """Say what is wrong with `model.auto_class`, without importing it."""
    module = model.auto_class.rpartition(".")[0]
    try:
        if not module:
            find_class(f"{AUTO}.{model.auto_class}")
        elif find_module(module) is None:
            find_class(model.auto_class)  # says which package is missing
    except CallsheetError as error:
        said = str(error).replace(f"{AUTO}.", "")
        return [f"model.auto_class: {said} A class that is no Auto class is named pkg.module.Class."]
    return []


def model_class(model: ModelSettings) -> Any:
    """The class that `model.auto_class` names."""
    path = model.auto_class if "." in model.auto_class else f"transformers.{model.auto_class}"
    return import_object(path, "model.auto_class")


def load_config(model: ModelSettings) -> PreTrainedConfig:
    """The model's configuration, with those of `model.kwargs` that belong into it."""
    from transformers import AutoConfig

    if base := base_of(model):
        return load_config(base)
    with explained(model):
        return AutoConfig.from_pretrained(_path(model), **_source(model), **model.kwargs)


def load_model(model: ModelSettings, tokenizer_of: ModelSettings | None = None) -> PreTrainedModel:
    """The model that `model` describes; with init=config its weights come from the seed set before.

    With `model.resize_embeddings` it has a row for each token, by default of its own tokenizer.
    """
    base = base_of(model)
    loaded = load_model(replace(base, resize_embeddings=None)) if base else _loaded(_loadable(model))
    if model.resize_embeddings:
        loaded = resized(loaded, load_tokenizer(tokenizer_of or model))
    if not base:
        return loaded
    with explained(model):
        return with_saved(loaded, model)


def _loadable(model: ModelSettings) -> ModelSettings:
    """`model` without a padding token that has no row yet, with which torch makes no embedding."""
    if model.resize_embeddings:
        config = load_config(model).get_text_config()
        padding, rows = getattr(config, "pad_token_id", None), getattr(config, SIZE, None)
        if isinstance(padding, int) and isinstance(rows, int) and padding >= rows:
            return replace(model, kwargs={**model.kwargs, "pad_token_id": None})
    return model


def _loaded(model: ModelSettings) -> Any:
    import torch

    wanted = model_class(model)
    with explained(model):
        if model.init == "pretrained":
            dtype = model.dtype if model.dtype == "auto" else getattr(torch, model.dtype)
            return wanted.from_pretrained(_path(model), dtype=dtype, **_source(model), **model.kwargs)
        return _drawn(model, torch.float32 if model.dtype == "auto" else getattr(torch, model.dtype))


def seeded_model(model: ModelSettings, seed: int) -> PreTrainedModel:
    """The same model for the same seed, whatever of its weights is drawn."""
    from transformers import set_seed

    set_seed(seed)
    return load_model(model)


def has_new_rows(model: ModelSettings, loaded: Any) -> bool:
    """Whether `model.resize_embeddings` has made `loaded` another model than the one at `model.path`."""
    if not model.resize_embeddings:
        return False
    before, after = (getattr(config.get_text_config(), SIZE, None) for config in (load_config(model), loaded.config))
    return before != after


def outline(model: ModelSettings) -> PreTrainedModel:
    """The model without weights, made in a moment: its modules by their names."""
    import torch

    with torch.device("meta"), not_partitioned(), explained(model):
        return _drawn(model, torch.float32)


def _drawn(model: ModelSettings, dtype: Any) -> PreTrainedModel:
    wanted, config = model_class(model), load_config(model)
    if hasattr(wanted, "from_config"):
        return wanted.from_config(config, dtype=dtype, trust_remote_code=model.trust_remote_code)
    return model_of(wanted, config, dtype)


def _source(model: ModelSettings) -> dict[str, Any]:
    source: dict[str, Any] = {"revision": model.revision, "trust_remote_code": model.trust_remote_code}
    return source | ({"attn_implementation": model.attn_implementation} if model.attn_implementation else {})


def load_tokenizer(model: ModelSettings) -> PreTrainedTokenizerBase:
    """The tokenizer of `model`, with the chat template that it is to use."""
    from transformers import AutoTokenizer

    with explained(model):
        tokenizer = AutoTokenizer.from_pretrained(
            _path(model), revision=model.revision, trust_remote_code=model.trust_remote_code
        )
    if model.chat_template:
        tokenizer.chat_template = template_of(model.chat_template)
    return tokenizer


class explained:
    """Says in one sentence why transformers could not load `model`."""

    def __init__(self, model: ModelSettings) -> None:
        self.model = model

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and (refused := os_errors.explained(error, os_errors.places())):
            raise refused from error
        if isinstance(error, Exception) and _is_about_files(error):
            missing = "" if Path(_path(self.model)).is_dir() else "There is no folder of that name here, either."
            said = f"model.path={self.model.path} could not be loaded: {_reason(self.model, error)}"
            raise CallsheetError(sentences(said, missing)) from error


def _is_about_files(error: Exception) -> bool:
    """Whether the model's files or settings are to blame, and not the machine or Callsheet."""
    from safetensors import SafetensorError

    if type(error).__name__ == "OutOfMemoryError":
        return False
    mistakes = (OSError, ValueError, KeyError, ImportError, TypeError, RuntimeError, AssertionError, SafetensorError)
    return isinstance(error, mistakes) or type(error) is Exception  # the last is all that tokenizers 0.23 raises


def _reason(model: ModelSettings, error: Exception) -> str:
    """Why, in a sentence with the file where one is damaged, or with the weights that have another shape."""
    try:
        shapes = weights.check(_files_of(model))
    except (Damaged, OSError) as damage:
        return str(damage)
    if MISMATCH in str(error):
        wanted = {name: tuple(tensor.shape) for name, tensor in outline(model).state_dict().items()}
        for name, shape, right in misfits(shapes, wanted):
            return f"{name} has the shape {shape} in the weights, and {right} by config.json. Take both from one model"
    return first_line(error)


def _files_of(model: ModelSettings) -> Path:
    """The folder of `model`, or that of the cache in which huggingface_hub keeps it."""
    folder = Path(_path(model))
    return folder if folder.is_dir() else cached.snapshot(model.path, model.revision) or folder


def _path(model: ModelSettings) -> str:
    folder = Path(model.path).expanduser()
    return str(folder) if folder.is_dir() else model.path
