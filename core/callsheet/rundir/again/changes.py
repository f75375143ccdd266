"""What may change when a run resumes, and when another one branches from its checkpoint: the one table.

docs/resume.md prints it, and `callsheet.rundir.again.resuming` goes by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

YES, SAID, NO = "may change", "may, with a warning", "may not"
FILES = "as its files allow"  # `callsheet.rundir.again.compatibility` looks at the checkpoint


@dataclass(frozen=True)
class Rule:
    """Settings that match `pattern` may change as `resume` and `branch` say; the first rule that matches a name holds.

    `what` names them in the documentation, `why` tells the reason there and in the warning. A rule `of_streams` holds
    for a run that reads one.
    """

    what: str
    pattern: str
    resume: str
    branch: str
    why: str
    of_streams: bool = False

    def holds_for(self, name: str, *, streams: bool = False) -> bool:
        return (streams or not self.of_streams) and re.fullmatch(self.pattern, name) is not None


@dataclass(frozen=True)
class Difference:
    """A setting that has one value in an earlier run and another one now, which `streams` its rows or does not."""

    name: str
    before: Any
    now: Any
    streams: bool = False

    @property
    def rule(self) -> Rule:
        return next(rule for rule in RULES if rule.holds_for(self.name, streams=self.streams))

    def __str__(self) -> str:
        return f"{self.name} is {self.before!r} there and {self.now!r} here"


ARGS = r"trainer\.args\."
# Arguments that say what is logged, evaluated, saved and published.
TOLD = (
    r"(save|logging|eval|log|metric|hub|trackio|push|do|include)_\w+|(bf16|fp16)_full_eval|report_to|run_name|project|"
    r"disable_tqdm|load_best_model_at_end|greater_is_better|per_device_eval_batch_size|num_generations_eval|"
    r"batch_eval_metrics|prediction_loss_only|label_names|num_completions_to_print|skip_memory_metrics|debug|"
    r"enable_jit_checkpoint"
)
# Arguments that say how fast the work is done, and in how much memory.
FAST = (
    r"dataloader_(num_workers|pin_memory|persistent_workers|prefetch_factor)|dataset_num_proc|"
    r"(gradient|activation)_checkpointing(_kwargs.*)?|activation_offloading|torch_empty_cache_steps|ddp_\w+|"
    r"torch_compile\w*|vllm_(?!importance)\w+|precompute_ref_batch_size|auto_find_batch_size|use_liger_kernel|liger_kernel_config.*"
)

RULES = (
    Rule(
        "`output_dir` `experiment` `resume` `branch`",
        r"output_dir|experiment(\..*)?|resume|branch",
        YES,
        YES,
        "they say where a run lies, and where it begins; a run directory may be moved",
    ),
    Rule(
        "`plugins` `plugins_lock` `callbacks` `outbox` `finish`",
        r"(plugins|plugins_lock|more_plugins|callbacks|outbox|finish)(\..*)?",
        YES,
        YES,
        "each plugin restores its own state, and says so if it cannot",
    ),
    Rule(
        "`launch`, which is the engine",
        r"launch\.name",
        FILES,
        FILES,
        "`single` and `ddp` read each other's; `zero2`, `zero3` and `fsdp2` read only their own",
    ),
    Rule(
        "`launch.processes` `launch.nodes`",
        r"launch\.(processes|nodes)",
        FILES,
        FILES,
        "`ddp` and `fsdp2` take another number, with a warning; `zero2` and `zero3` do not",
    ),
    Rule(
        "`launch.threads` `launch.endpoint` `launch.wait_seconds` `launch.config`",
        r"launch\..*",
        YES,
        YES,
        "the model learns the same, but for the last bits of a float",
    ),
    Rule(
        "`dataset.eval…`",
        r"dataset\.eval.*",
        YES,
        YES,
        "training does not read them",
    ),
    Rule(
        "`trainer.args.max_steps` `num_train_epochs`",
        ARGS + r"(max_steps|num_train_epochs)",
        SAID,
        SAID,
        "a learning rate that falls to the end of the run falls more slowly or faster from here on",
    ),
    Rule(
        "`trainer.args.ignore_data_skip` `restore_callback_states_from_checkpoint`",
        ARGS + r"(ignore_data_skip|restore_callback_states_from_checkpoint)",
        SAID,
        SAID,
        "it means something to a resumed run alone, which then differs from one that was never interrupted",
    ),
    Rule(
        "`trainer.args`: `save_…` `eval_…` `logging_…` `hub_…` `report_to` and others about what is told",
        ARGS + f"({TOLD})",
        YES,
        YES,
        "the model does not learn from them; an evaluation that generates draws random numbers",
    ),
    Rule(
        "`trainer.args.dataloader_num_workers` with `dataset.streaming`",
        ARGS + "dataloader_num_workers",
        NO,
        YES,
        "each worker reads files of its own, so the rows come in another order",
        of_streams=True,
    ),
    Rule(
        "`trainer.args`: `dataloader_num_workers` `activation_checkpointing` `ddp_…` `vllm_…` and others about speed",
        ARGS + f"({FAST})",
        YES,
        YES,
        "the model learns the same, but for the last bits of a float",
    ),
    Rule(
        "`trainer.args`: `optim…`",
        ARGS + r"optim\w*(\..*)?",
        NO,
        NO,
        "the checkpoint holds the state of one optimizer",
    ),
    Rule(
        "`trainer.name` `trainer_class` `config_class`",
        r"trainer\.(name|trainer_class|config_class)",
        NO,
        NO,
        "another trainer keeps other things in a checkpoint",
    ),
    Rule(
        "`peft`",
        r"peft(\..*)?",
        NO,
        NO,
        "the checkpoint holds the weights of one adapter",
    ),
    Rule(
        "`model`",
        r"model(\..*)?",
        NO,
        YES,
        "the weights come from the checkpoint, so its layers must have the same sizes",
    ),
    Rule(
        "everything else of `trainer` and `dataset`",
        r"(trainer|dataset)(\..*)?",
        NO,
        YES,
        "the model learns from them",
    ),
    Rule(
        "all other settings",
        r".*",
        YES,
        YES,
        "they do not change what is learnt",
    ),
)


def differences(
    before: Mapping[str, Any], now: Mapping[str, Any], defaults: Mapping[str, Any] | None = None
) -> Iterator[Difference]:
    """The settings in which two configurations differ, by name.

    `defaults` holds values by name, with `[]` for an item of any list. A setting that one of the two does not have has
    its value there: a later Callsheet may have more settings.
    """
    old, new, usual = flat(before), flat(now), defaults or {}
    streams = new.get("dataset.streaming") is True
    for name in sorted(old.keys() | new.keys()):
        one, other = (part.get(name, usual.get(re.sub(r"\[\d+\]", "[]", name))) for part in (old, new))
        if one != other and not _same_number(one, other):
            yield Difference(name, one, other, streams)


def flat(content: Any, prefix: str = "") -> dict[str, Any]:
    """The values in `content` by name, such as `dataset.mixture[0].path`; an empty section has none."""
    if isinstance(content, Mapping):
        items = [(f"{prefix}.{key}" if prefix else str(key), item) for key, item in content.items()]
    elif isinstance(content, list) and any(isinstance(item, Mapping) for item in content):
        items = [(f"{prefix}[{number}]", item) for number, item in enumerate(content)]
    else:
        return {prefix: content}
    return {name: value for where, item in items for name, value in flat(item, where).items()}


def _same_number(one: Any, other: Any) -> bool:
    """Whether both are one number, of which one is text: YAML reads 1e-4 as text, and 0.0001 as a number."""
    try:
        return isinstance(one, str) != isinstance(other, str) and float(one) == float(other)
    except (TypeError, ValueError):
        return False
