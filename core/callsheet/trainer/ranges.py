"""Numbers out of reason among arguments: what no trainer can mean, or takes for something else."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import Field
from typing import Any

from callsheet.errors import CallsheetError
from callsheet.introspect.arguments import Argument, read_arguments
from callsheet.settings import problem_with, setting

SEEDS = 2**32 - 1  # numpy takes no larger one
ROWS = 2**20  # of one batch
PROCESSES = 4096
PORTS = 65_535
SHARE = setting(ge=0, le=1)
BELOW_ONE = setting(ge=0, lt=1)
POSITIVE = setting(gt=0)
COUNT = setting(ge=1)
BATCH = setting(ge=1, le=ROWS)
# Arguments with a range of their own; of others, a number that is not negative by default may not become so.
RANGES: dict[str, Field[Any]] = {
    **dict.fromkeys(("seed", "data_seed"), setting(ge=0, le=SEEDS)),
    **dict.fromkeys(("per_device_train_batch_size", "per_device_eval_batch_size"), BATCH),
    **dict.fromkeys(("generation_batch_size", "precompute_ref_batch_size", "gradient_accumulation_steps"), BATCH),
    **dict.fromkeys(("adam_beta1", "adam_beta2", "lora_dropout"), BELOW_ONE),
    **dict.fromkeys(("label_smoothing", "label_smoothing_factor", "ld_alpha", "min_p", "warmup_ratio"), SHARE),
    **dict.fromkeys(("ref_model_mixup_alpha", "top_entropy_quantile"), SHARE),
    **dict.fromkeys(("top_p", "vllm_gpu_memory_utilization"), setting(gt=0, le=1)),
    **dict.fromkeys(("temperature", "repetition_penalty", "num_train_epochs", "delta", "discopop_tau"), POSITIVE),
    **dict.fromkeys(("sapo_temperature_neg", "sapo_temperature_pos"), POSITIVE),
    **dict.fromkeys(("max_length", "max_prompt_length", "max_completion_length", "vllm_max_model_length"), COUNT),
    **dict.fromkeys(("max_steps", "save_total_limit", "eval_accumulation_steps", "torch_empty_cache_steps"), COUNT),
    **dict.fromkeys(("steps_per_generation", "num_iterations", "num_generations_eval", "ref_model_sync_steps"), COUNT),
    **dict.fromkeys(("pad_to_multiple_of", "num_completions_to_print", "max_tool_calling_iterations"), COUNT),
    **dict.fromkeys(("dataloader_prefetch_factor", "ddp_bucket_cap_mb", "r", "num_virtual_tokens"), COUNT),
    "dataloader_num_workers": setting(ge=0, le=PROCESSES),
    "dataset_num_proc": setting(ge=1, le=PROCESSES),
    "vllm_tensor_parallel_size": setting(ge=1, le=PROCESSES),
    **dict.fromkeys(("vllm_server_port", "vllm_group_port"), setting(ge=1, le=PORTS)),
    "ddp_timeout": setting(ge=1, le=10**9),
    "num_generations": setting(ge=2),
    "top_k": setting(ge=-1),
    "f_alpha_divergence_coef": setting(),
}
# Infinity is a limit that never bites.
MAY_BE_INFINITE = {"max_grad_norm", "delta", "epsilon_high", "vllm_importance_sampling_cap",
                   "vllm_importance_sampling_clip_max", "vllm_server_timeout", "off_policy_mask_threshold"}  # fmt: skip
# Each with the strategy that uses it.
STEPS = {"save_steps": "save_strategy", "eval_steps": "eval_strategy", "logging_steps": "logging_strategy"}
LIBRARIES = ("transformers.", "trl.", "peft.")
LARGEST = 2**63  # which is the first that does not fit into 64 bits


def problems(args: Mapping[str, Any], config_class: str, section: str = "trainer.args") -> list[str]:
    """The numbers in `args` that `config_class` cannot mean; `section` is where they stand in the configuration."""
    try:
        known = read_arguments(config_class)
    except CallsheetError:
        return []  # the class is not there, which others say
    return [f"{section}.{name} {said}" for name in args if (said := _problem(name, args, known))]


def reasons(value: Any, *, may_be_infinite: bool = False) -> str:
    """Why nothing can mean the number `value`, as the end of a sentence; empty for a number that something can."""
    if isinstance(value, float) and math.isnan(value):
        return "must be a number, got nan."
    if isinstance(value, float) and math.isinf(value) and not may_be_infinite:
        return f"must be a finite number, got {value}."
    if isinstance(value, int) and abs(value) >= LARGEST:
        return f"must be below 2 to the power of 63, got {value}." if len(str(value)) < 40 else "has too many digits."
    return ""


def inside(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every number inside `value`, with its path below it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from inside(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for place, item in enumerate(value):
            yield from inside(item, f"{path}[{place}]")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield path, value


def _problem(name: str, args: Mapping[str, Any], known: Mapping[str, Argument]) -> str:
    argument = known.get(name)
    if argument is None:
        return ""
    infinite = name in MAY_BE_INFINITE
    if said := next((said for _, item in inside(args[name]) if (said := reasons(item, may_be_infinite=infinite))), ""):
        return said
    value = _number(args[name]) if argument.is_numeric else None
    if value is None or not argument.defined_in.startswith(LIBRARIES):
        return ""
    if name in STEPS:
        return _wrong_steps(name, value, str(args.get(STEPS[name], _default(known, STEPS[name]))))
    by_steps = (_number(args.get("max_steps")) or 0) > 0
    if (name, value) == ("max_steps", -1) or (name, value, by_steps) == ("num_train_epochs", 0, True):
        return ""
    return problem_with(RANGES.get(name) or _usual_range(argument), value)


def _wrong_steps(name: str, value: float, strategy: str) -> str:
    """Steps are a number of them or, below 1, a share of all. What no strategy uses may be anything."""
    if strategy not in ("steps", "None"):
        return ""
    if value <= 0:
        off = {"save_steps": "To save nothing", "eval_steps": "To evaluate never", "logging_steps": "To log nothing"}
        return f"must be more than 0, got {value}. {off[name]}, set trainer.args.{STEPS[name]}=no."
    if value > 1 and value != int(value):
        return f"must be a whole number of steps, or a share of all below 1, got {value}."
    return ""


def _usual_range(argument: Argument) -> Field[Any]:
    default = argument.default_value
    is_number = isinstance(default, (int, float)) and not isinstance(default, bool)
    field: Field[Any] = setting(ge=min(0, default) if is_number else 0)
    return field


def _default(known: Mapping[str, Argument], name: str) -> Any:
    return known[name].default_value if name in known else None


def _number(value: Any) -> int | float | None:
    if isinstance(value, str):  # YAML reads 1e-4 as text
        try:
            return float(value)
        except ValueError:
            return None
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
