"""What the server imports before it is asked for anything: all that a training loads, Callsheet last."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import suppress

from warm.kept import keep

MODULES = (
    "accelerate.utils",
    "click",
    "datasets",
    "deepspeed",
    "huggingface_hub.hf_api",
    "hydra.main",
    "hydra._internal.config_loader_impl",
    "hydra._internal.core_plugins.basic_launcher",
    "hydra._internal.core_plugins.basic_sweeper",
    "hydra._internal.hydra",
    "hydra._internal.utils",
    "hydra.core.override_parser.overrides_parser",
    "hydra.experimental.callbacks",
    "peft",
    "pkg_resources",
    "pluggy",
    "rich.console",
    "rich.progress",
    "rich.table",
    "scipy.io",
    "torch._inductor.compile_fx",
    "torch.distributed.elastic.agent.server.local_elastic_agent",
    "torch.distributed.fsdp",
    "torch.distributed.run",
    "torch.distributed.tensor",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.llama.modeling_llama",
    "transformers.trainer",
    "trl.trainer.callbacks",
    "trl.trainer.dpo_trainer",
    "trl.trainer.grpo_trainer",
    "trl.trainer.reward_trainer",
    "trl.trainer.sft_trainer",
)


class Recording(type(os.environ)):  # type: ignore[misc]
    """`os.environ` that keeps the names it was asked for."""

    asked: set[str]

    def __getitem__(self, name: str) -> str:
        if isinstance(name, str):
            vars(self).setdefault("asked", set()).add(name)
        return super().__getitem__(name)  # type: ignore[no-any-return]

    def copy(self) -> dict[str, str]:
        return {self.decodekey(name): self.decodevalue(value) for name, value in self._data.items()}

    def items(self) -> Iterator[tuple[str, str]]:  # type: ignore[override]
        return iter(self.copy().items())


def preload() -> set[str]:
    """Import everything, and return the names of the environment variables that an import has read."""
    plain = type(os.environ)
    os.environ.__class__ = Recording
    try:
        for name in MODULES:
            with suppress(ImportError):  # another release of a library, or an extra that is not installed
                importlib.import_module(name)
        _prepare()
        keep()
    finally:
        os.environ.__class__ = plain
    return vars(os.environ).pop("asked")


def _prepare() -> None:
    """Do now what each process would do once, and what takes it long only because so many modules are loaded."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    with suppress(ImportError, AttributeError):  # another release
        from transformers.conversion_mapping import get_checkpoint_conversion_mapping

        get_checkpoint_conversion_mapping("llama")  # compiles a thousand patterns when a model is first saved
    OverridesParser.create().parse_overrides(["a=[x]", "+b.c=1.5", "~d", "e={f: null}"])  # its tables fill as it parses
    with suppress(ImportError):
        from torch.distributed.elastic.rendezvous import dynamic_rendezvous

        # It names whoever called, for a log; `inspect.stack` goes through all modules for each of the callers.
        dynamic_rendezvous.get_method_name = lambda depth=2: sys._getframe(depth).f_code.co_name  # type: ignore
