"""Model FLOP utilization: what a model computes for a token, and what its devices could do at most."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.nn import Module

    from callsheet.records import LoopState

# 10^12 FLOP/s without sparsity, by the name that the driver gives the device: bfloat16 and float16 on tensor cores,
# TF32 on tensor cores, float32 outside of them. The first pattern that matches holds. None: the device cannot do it.
# Sources, all of the makers, who print twice these numbers, for sparse matrices, where there is a *:
#   H100* H200*          nvidia.com/en-us/data-center/h100, /h200
#   B200* GB200*         nvidia.com/en-us/data-center/hgx, /gb200-nvl72
#   A100 A30 A10         nvidia.com/en-us/data-center/a100, /products/a30-gpu, /products/a10-gpu
#   L4* L40* L40S*       nvidia.com/en-us/data-center/l4, /l40, /l40s
#   V100 T4              nvidia.com/en-us/data-center/v100, /tesla-t4
#   RTX 3090, A6000      NVIDIA Ampere GA102 whitepaper, its tables of specifications
#   RTX 4090, 6000 Ada   NVIDIA Ada whitepapers, appendix A
#   MI300X MI325X MI250X amd.com/en/products/accelerators/instinct (a MI250X is two devices)
PEAKS: tuple[tuple[str, float | None, float | None, float | None, float | None], ...] = (
    # device                       bf16    fp16    tf32    fp32
    (r"\bGB200\b",                 2500,   2500,   1250,   80),
    (r"\bB200\b",                  2250,   2250,   1125,   75),
    (r"\bH200 NVL\b",              835.5,  835.5,  417.5,  60),
    (r"\b(H200|GH200)\b",          989.4,  989.4,  494.7,  66.9),
    (r"\bH100 PCIe\b",             756,    756,    378,    51),
    (r"\bH100 NVL\b",              835.5,  835.5,  417.5,  60),
    (r"\bH(1|8)00\b",              989.4,  989.4,  494.7,  66.9),
    (r"\bA(1|8)00\b",              312,    312,    156,    19.5),
    (r"\bA30\b",                   165,    165,    82,     10.3),
    (r"\bA10\b",                   125,    125,    62.5,   31.2),
    (r"\bL40S\b",                  362,    362,    183,    91.6),
    (r"\bL40\b",                   181,    181,    90.5,   90.5),
    (r"\bL4\b",                    121,    121,    60,     30.3),
    (r"\bV100-SXM",                None,   125,    None,   15.7),
    (r"\bV100-PCIE",               None,   112,    None,   14),
    (r"\bT4\b",                    None,   65,     None,   8.1),
    (r"\bRTX 6000 Ada\b",          364.2,  364.2,  182.1,  91.1),
    (r"\bRTX A6000\b",             154.8,  154.8,  77.4,   38.7),
    (r"\bRTX 4090\b(?! (D|Lap))",  165.2,  165.2,  82.6,   82.6),
    (r"\bRTX 3090\b(?! Ti)",       71,     71,     35.6,   35.6),
    (r"\bMI3(00|25)X\b",           1307.4, 1307.4, 653.7,  163.4),
    (r"\bMI250X\b",                191.5,  191.5,  None,   47.9),
)  # fmt: skip
KINDS = ("bf16", "fp16", "tf32", "fp32")


def peak(device: str, kind: str) -> float | None:
    """FLOP/s of one device; None where that is not known.

    >>> peak("NVIDIA H100 80GB HBM3", "bf16"), peak("NVIDIA A100-SXM4-40GB", "tf32"), peak("Tesla T4", "bf16")
    (989400000000000.0, 156000000000000.0, None)
    """
    for pattern, *tera in PEAKS:
        if re.search(pattern, device):
            found = tera[KINDS.index(kind)] if kind in KINDS else None
            return found and found * 1e12
    return None


def flops_per_token(model: Module) -> float | None:
    """What a training step computes for a token: 6 FLOPs a parameter, 4 a frozen one; None where no rule holds.

    A frozen parameter has no gradient of its own, as below LoRA. An input embedding is a table, and computes nothing
    unless the output uses it, too. Attention itself is left out, as in 6·N. Of a mixture of experts not all parameters
    work for a token, and quantized ones are no numbers to multiply.
    """
    config = getattr(model, "config", None)
    if getattr(model, "is_quantized", False) or any(getattr(config, name, None) for name in EXPERTS):
        return None
    table = _lookup_table(model)
    sizes = [(parameter_size(each), each.requires_grad) for each in model.parameters() if each is not table]
    total = sum(6.0 * size if trains else 4.0 * size for size, trains in sizes)
    return total or None


EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")


def parameter_size(parameter: Any) -> int:
    """All of it, also where this rank holds a part: ZeRO-3 keeps the size of the whole, a DTensor has it."""
    return int(getattr(parameter, "ds_numel", None) or parameter.numel())


def _lookup_table(model: Any) -> Any:
    """The weight of an input embedding that no output shares."""
    try:
        entry, exit = model.get_input_embeddings(), model.get_output_embeddings()
    except Exception:  # a model that is none of transformers
        return None
    weight = getattr(entry, "weight", None)
    return None if exit is None or weight is getattr(exit, "weight", None) else weight


def kind_of(state: LoopState) -> str:
    """In what numbers the model multiplies."""
    import torch

    args: Any = state.args
    if getattr(args, "bf16", False):
        return "bf16"
    if getattr(args, "fp16", False):
        return "fp16"
    dtype = (
        next((each.dtype for each in state.model.parameters() if each.is_floating_point()), None)
        if state.model
        else None
    )
    named = {torch.bfloat16: "bf16", torch.float16: "fp16"}
    if dtype in named:
        return named[dtype]
    return "tf32" if torch.get_float32_matmul_precision() != "highest" else "fp32"


def flops_and_peak(state: LoopState) -> tuple[float, float] | None:
    """FLOPs for a token, and FLOP/s of all devices together; None where one of them is not known.

    A trainer that generates spends its time on other things than 6·N counts.
    """
    import torch

    device = getattr(state.args, "device", None)
    if state.model is None or getattr(device, "type", "cpu") != "cuda" or hasattr(state.trainer, "reward_funcs"):
        return None
    most = peak(torch.cuda.get_device_name(device), kind_of(state))
    each = flops_per_token(state.model)
    return (each, most * state.world_size) if each and most else None
