"""Checks whether a run may use its directory, and resume from the chosen checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from callsheet.config.plan import Plan
from callsheet.model_files.contents import Damaged, json_of
from callsheet.records import ManifestRow
from callsheet.rundir.again import compatibility, resuming

TESTED = (
    *(f"trl.{name}Trainer" for name in ("SFT", "DPO", "KTO", "Reward", "GRPO", "RLOO")),
    "transformers.Trainer",
)
OTHERWISE = "it goes on otherwise than one that was never interrupted."
MODEL_ONLY = (
    "trainer.args.save_only_model=true: checkpoints hold no optimizer, so this run cannot be resumed if it is stopped."
)


def check(plan: Plan) -> tuple[list[str], list[str]]:
    """Problems, unless the directory is free or holds a run that may go on from its checkpoint; and warnings.

    Of a checkpoint's files, only the sizes are compared: training hashes all of them before it resumes.
    """
    problems, warnings, row = resuming.decide(plan.wish)
    said = [*warnings, *([MODEL_ONLY] if _saves_only_the_model(plan) else [])]
    return problems or _misfits(plan, row), [*said, *(_not_bit_for_bit(plan) if row else ())]


def _not_bit_for_bit(plan: Plan) -> Iterator[str]:
    """Why a resumed run will not be the same to the last bit as one that was never interrupted."""
    args = plan.trainer.args
    if plan.trainer.trainer_class not in TESTED:
        yield (
            f"{plan.trainer.trainer_class} resumes as far as Trainer and TRL know its state. Whatever else it keeps in "
            "memory is in no checkpoint, and then the run does not go on bit for bit."
        )
    if args.get("use_vllm"):
        yield f"trainer.args.use_vllm=true: vLLM has random numbers of its own; {OTHERWISE}"
    if plan.model.auto_class.endswith("ForMaskedLM") and args.get("dataloader_num_workers"):
        yield (
            f"trainer.args.dataloader_num_workers={args['dataloader_num_workers']}: workers mask tokens with random "
            f"numbers that are in no checkpoint; with 0 workers the run resumes bit for bit, and now {OTHERWISE}"
        )


def _saves_only_the_model(plan: Plan) -> bool:
    args = plan.trainer.args
    return bool(args.get("save_only_model")) and str(args.get("save_strategy", "steps")) not in ("no", "False")


def _misfits(plan: Plan, row: ManifestRow | None) -> list[str]:
    """Check that the checkpoint fits the engine and, if the model is a folder, the model."""
    if row is None:
        return []
    try:
        config = dict(json_of(Path(plan.model.path).expanduser() / "config.json"))
    except Damaged:
        config = {}  # said by model_pieces
    config.pop("vocab_size", None)  # a chat template may add tokens; training compares the loaded model
    processes = (plan.launch.processes or 0) * plan.launch.nodes or None
    wrong = compatibility.misfit(row.path, plan.launch.name, processes) or compatibility.another_model(row.path, config)
    return [wrong] if wrong else []
