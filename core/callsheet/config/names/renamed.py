"""Arguments that transformers has renamed: a default of Callsheet goes under the name that the installed version has.

A YAML file writes `activation_checkpointing: ${callsheet.any_name:true}` for an argument that other versions call
something else. Whatever is typed in its place, under either name, is taken as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf, open_dict

from callsheet.errors import CallsheetError

# Old name → new name.
RENAMED = {
    # transformers 5.23; the old names remain until 6, with a warning.
    "gradient_checkpointing": "activation_checkpointing",
    "gradient_checkpointing_kwargs": "activation_checkpointing_kwargs",
    # Below 1 it is a ratio, since transformers 5.0; `warmup_ratio` itself is still there in 5.10 and gone in 5.23.
    "warmup_ratio": "warmup_steps",
}
OTHER_NAME = {**RENAMED, **{new: old for old, new in RENAMED.items()}}
RESOLVER = "callsheet.any_name"


def any_name(value: Any) -> Any:
    """`${callsheet.any_name:VALUE}` is VALUE; what matters is that it was written so."""
    return value


def settle(config: DictConfig) -> frozenset[str]:
    """Turn each `any_name` of `trainer.args` into its value, and return their keys.

    One goes away where its other name was typed: transformers would prefer the new name, and drop what was typed.
    """
    args = OmegaConf.select(config, "trainer.args")
    if not isinstance(args, DictConfig):
        return frozenset()
    marked = _marked(args)
    for name in marked:
        if OTHER_NAME.get(name, name) in set(args) - {*marked}:
            with open_dict(args):
                args.pop(name)
        else:
            args[name] = args[name]
    return frozenset(marked)


def as_installed(args: Mapping[str, Any], settled: Set[str], config_class: str) -> dict[str, Any]:
    """`args` with each of the `settled` names as `config_class` has it."""
    known: Set[str] = _known(config_class) if settled & args.keys() else set()
    return {_as_known(name, known) if name in settled else name: value for name, value in args.items()}


def _marked(args: DictConfig) -> list[str]:
    written = cast("dict[str, Any]", OmegaConf.to_container(args, resolve=False))
    return [name for name, value in written.items() if str(value).startswith(f"${{{RESOLVER}:")]


def _known(config_class: str) -> Set[str]:
    try:
        from callsheet.introspect.arguments import read_arguments

        return read_arguments(config_class).keys()
    except CallsheetError:
        return set()  # the class is not there, which preflight says


def _as_known(name: str, known: Set[str]) -> str:
    other = OTHER_NAME.get(name, name)
    return other if name not in known and other in known else name
