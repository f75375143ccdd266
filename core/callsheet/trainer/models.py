"""The model and tokenizer of a run, loaded or drawn at random."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.config.schema import ModelSettings
from callsheet.errors import CallsheetError, first_line, sentences
from callsheet.introspect.classes import find_class
from callsheet.introspect.importing import import_object
from callsheet.introspect.modules import find_module
from callsheet.privates.transformers import model_of, not_partitioned
from callsheet.trainer.chat_template import template_of
from callsheet.trainer.saved_adapters import base_of, with_saved

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

AUTO = "transformers.models.auto.modeling_auto"


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


def load_model(model: ModelSettings) -> PreTrainedModel:
    """The model that `model` describes; with init=config its weights come from the seed set before."""
    import torch

    if base := base_of(model):
        below = load_model(base)
        with explained(model):
            return with_saved(below, model)
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
        if isinstance(error, (OSError, ValueError, KeyError, ImportError)):
            missing = "" if Path(_path(self.model)).is_dir() else "There is no folder of that name here, either."
            said = f"model.path={self.model.path} could not be loaded: {first_line(error)}"
            raise CallsheetError(sentences(said, missing)) from error


def _path(model: ModelSettings) -> str:
    folder = Path(model.path).expanduser()
    return str(folder) if folder.is_dir() else model.path
