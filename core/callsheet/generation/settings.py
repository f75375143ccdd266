"""How to generate, by name or as a mapping: checked without torch, and completed by what the model itself says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from callsheet.errors import CallsheetError, did_you_mean, first_line, listed
from callsheet.introspect.classes import find_class
from callsheet.introspect.families import family
from callsheet.introspect.signatures import signature_of_class

OWN = "model"  # the name of the model's own generation_config.json
FILE = "generation_config.json"
LENGTH = 64  # tokens, where nothing else is said
CLASS = "transformers.GenerationConfig"
SAMPLING = ("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")
# What changes the shape of the answer, and what the trainer and Callsheet see to.
NOT_HERE = (
    *("num_return_sequences", "return_dict_in_generate", "output_scores", "output_logits", "output_attentions"),
    *("output_hidden_states", "transformers_version", "is_assistant"),
)
WHOLE = {"max_new_tokens": 1, "max_length": 1, "num_beams": 1, "top_k": 0, "min_new_tokens": 0, "min_length": 0}
SHARES = ("top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")
POSITIVE = ("temperature", "repetition_penalty", "max_time")
SWITCHES = ("do_sample", "use_cache", "early_stopping", "renormalize_logits", "remove_invalid_values")


def problems(given: Any, setting: str) -> list[str]:
    """What is wrong with a generation config; needs no torch. A name on the Hub is not looked up."""
    if given is None or given == OWN:
        return []
    if isinstance(given, str):
        return [*_wrong_name(given, setting)]
    if not isinstance(given, Mapping):
        return [f"{setting} must be a name or a mapping such as {{max_new_tokens: 64}}, got {given!r}."]
    return [*_wrong_names(given, setting), *_wrong_values(given, setting)]


def doubts(given: Any, setting: str) -> list[str]:
    """What will do nothing."""
    if not isinstance(given, Mapping) or given.get("do_sample"):
        return []
    idle = [name for name in SAMPLING if name in given]
    does = "does" if len(idle) == 1 else "do"
    return [f"{setting}: {listed(idle)} {does} nothing without do_sample: true."] if idle else []


def resolved(given: Any, model: Any, setting: str) -> dict[str, Any]:
    """What `under_engines.answers` takes: greedy and 64 tokens, unless `given` says otherwise.

    Raises `CallsheetError` for a name that transformers cannot load, and for what it refuses.
    """
    if isinstance(given, Mapping):
        found = _refused(given, setting)
    elif given is None:
        found = {}
    else:
        own = getattr(model, "generation_config", None) if given == OWN else _loaded(str(given), setting)
        found = {} if own is None else own.to_diff_dict()
    inner = ("_", *NOT_HERE)
    kept = {name: value for name, value in found.items() if value is not None and not name.startswith(inner)}
    length = {} if {"max_length", "max_new_tokens"} & kept.keys() else {"max_new_tokens": LENGTH}
    return {"do_sample": False, **length, **kept}


def _wrong_name(name: str, setting: str) -> Iterator[str]:
    folder = Path(name).expanduser()
    looks_local = folder.is_absolute() or name.startswith((".", "~")) or folder.exists() or name.count("/") > 1
    if not name.strip():
        yield f"{setting} is empty. {_choices()}"
    elif looks_local and not (folder / FILE).is_file():
        yield f"{setting}={name}: there is no {FILE} in this folder. {_choices()}"


def _choices() -> str:
    return f"Name a folder or a model of the Hub that has a {FILE}, write {OWN} for the model's own, or give a mapping."


def _wrong_names(given: Mapping[Any, Any], setting: str) -> Iterator[str]:
    known = {name for name in _known() if not name.startswith("_")} - {*NOT_HERE}
    for name in map(str, given):
        if name in NOT_HERE:
            yield f"{setting}.{name} cannot be set here: each prompt has one answer, and it is text."
        elif name not in known:
            near = did_you_mean(name, known) or f" {CLASS} lists what there is."
            yield f"{setting} has no setting {name!r}.{near}"


def _known() -> frozenset[str]:
    """What transformers takes out of the arguments of its class."""
    return signature_of_class(family(*find_class(CLASS))).popped


def _wrong_values(given: Mapping[Any, Any], setting: str) -> Iterator[str]:
    for name, value in given.items():
        wanted = _wanted(str(name), value)
        if wanted and value is not None:
            yield f"{setting}.{name} must be {wanted}, got {value!r}."


def _wanted(name: str, value: Any) -> str:
    """What a setting must be, where `value` is something else."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if name in WHOLE:
        fits = is_number and isinstance(value, int) and WHOLE[name] <= value < 1 << 31
        return "" if fits else f"a whole number of at least {WHOLE[name]}"
    if name in SHARES:
        return "" if is_number and 0 <= value <= 1 else "between 0 and 1"
    if name in POSITIVE:
        return "" if is_number and 0 < value < float("inf") else "a number above 0"
    return "" if name not in SWITCHES or isinstance(value, (bool, str)) else "true or false"


def _refused(given: Mapping[str, Any], setting: str) -> dict[str, Any]:
    from transformers import GenerationConfig

    try:
        GenerationConfig(**{"do_sample": False, **given})
    except (ValueError, TypeError) as error:
        raise CallsheetError(f"{setting}: transformers refuses it: {first_line(error)}") from error
    return dict(given)


def _loaded(name: str, setting: str) -> Any:
    from transformers import GenerationConfig

    try:
        return GenerationConfig.from_pretrained(str(Path(name).expanduser()) if name.startswith("~") else name)
    except (OSError, ValueError) as error:
        raise CallsheetError(f"{setting}={name}: {first_line(error)}") from error
