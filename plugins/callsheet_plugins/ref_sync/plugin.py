"""The plugin: when the reference follows, what is logged, and how a resumed run restores the reference."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from callsheet import Plugin, hookimpl, setting
from callsheet.distributed.collectives import all_gather
from callsheet.errors import CallsheetError
from callsheet.hooks import plugin_name
from callsheet.sharding import Shard, Stored, problem_with_launch, save_shards
from callsheet_plugins.ref_sync.blending import blend_all
from callsheet_plugins.ref_sync.pairs import Pairs, find

if TYPE_CHECKING:
    from torch import Tensor

    from callsheet.records import LogContext, LoopState, ManifestRow, PreflightReport

logger = logging.getLogger("callsheet")

KIND = "ref"
CHANGE = "ref_sync/change"
BETA = {"grpo": 0.0, "rloo": 0.05}  # the defaults of TRL 1.16; with 0, TRL loads no reference


class RefSync(Plugin):
    """Let the reference model follow the one that trains (TR-DPO, Gorbatovski et al. 2024, arXiv 2404.09656).

    Every `ref_model_sync_steps`, π_ref ← α π + (1 - α) π_ref. The reference is the trainer's own, or the adapter
    "ref", which TRL makes when a saved adapter is trained further. Each rank blends its own part; nothing is gathered.
    `ref_sync/change` logs how far the reference moved, ‖Δπ_ref‖; 0 means that it did not move.

    Every checkpoint holds the reference, and a resumed run restores it; TRL would start with the first one again.
    """

    ranks = "all"
    cannot_serve: ClassVar[Mapping[str, str]] = {
        name: "it compares with no reference model." for name in ("sft", "reward", "hf")
    }

    ref_model_sync_steps: int = setting(512, ge=1, help="Sync every this many steps; τ in the paper.")
    ref_model_mixup_alpha: float = setting(
        0.6, gt=0, le=1, help="The share of the model that trains; α in the paper. 1 copies it."
    )
    on_missing_state: str = setting(
        "refuse",
        choices=("refuse", "restart"),
        help="If the checkpoint of a resumed run holds no reference: end the run, or use the first one.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._synced_at: int | None = None

    def reports(self) -> list[str]:
        return []

    @hookimpl
    def preflight(self, ctx: LogContext, report: PreflightReport) -> None:
        trainer, peft, launch = (dict(ctx.run_config.get(part) or {}) for part in ("trainer", "peft", "launch"))
        args = trainer.get("args") or {}
        report.problems += conflicts(args)
        if args.get("beta", BETA.get(trainer.get("name", ""), 1.0)) in (0, None):
            report.problem(
                f"Plugin 'ref_sync': trainer={trainer.get('name')} has no reference model unless trainer.args.beta is "
                "above 0."
            )
        if peft.get("type"):
            report.problem(
                "Plugin 'ref_sync': the reference of a new adapter is its base model, which never changes. Leave peft "
                "out, or train a saved adapter further with model.path."
            )
        if problem := problem_with_launch(launch):
            report.problem(f"Plugin 'ref_sync': {problem}")

    @hookimpl
    def on_train_start(self, state: LoopState) -> None:
        if found := conflicts(vars(state.args) if state.args else {}):
            raise CallsheetError(found[0])  # preflight of a script does not see the trainer's arguments
        self._pairs = find(state)
        if state.resumed_from is None:
            self._synced_at = None
        else:
            self._restore(state.resumed_from)

    @hookimpl
    def on_step_end(
        self, state: LoopState, step_idx: int, batch: Sequence[Mapping[str, Any]], metrics: Mapping[str, float]
    ) -> None:
        if step_idx % self.ref_model_sync_steps == 0:
            state.log_later({CHANGE: sync(self._pairs, self.ref_model_mixup_alpha)})
            self._synced_at = step_idx

    @hookimpl
    def on_checkpoint(self, state: LoopState, row: ManifestRow) -> None:
        if self._synced_at is not None:
            reference = self._pairs.reference
            weights = {name: shard.read() for name, shard in reference.chosen.items()}
            save_shards(reference, weights, row.folder(self), KIND)

    def state_dict(self) -> dict[str, Any]:
        return {"synced_at": self._synced_at}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._synced_at = state_dict["synced_at"]

    def _restore(self, row: ManifestRow) -> None:
        reference = self._pairs.reference
        folder = row.saved_folder(self)
        stored = Stored(reference.chosen, folder, KIND) if folder else None
        if stored:
            reference.write(stored.read)
        elif row.step < self.ref_model_sync_steps and self._synced_at is None:
            return  # there was no sync yet
        elif self.on_missing_state == "refuse":
            raise CallsheetError(
                f"Checkpoint {row.path} holds no reference model; set plugins.{plugin_name(self)}.on_missing_state="
                "restart to use the reference that the run began with."
            )
        else:
            self._synced_at = None
            logger.warning("Checkpoint %s holds no reference model; the run uses its first one again.", row.path)


def conflicts(args: Mapping[str, Any]) -> list[str]:
    """Problems with arguments of a trainer that also sync, or that leave nothing to sync."""
    found = []
    if args.get("sync_ref_model"):
        found.append("ref_sync and trainer.args.sync_ref_model would both sync; leave one of them out.")
    if args.get("precompute_ref_log_probs"):
        found.append("ref_sync cannot change what trainer.args.precompute_ref_log_probs has computed; leave one out.")
    return found


def sync(pairs: Pairs, alpha: float) -> Callable[[], float]:
    """Blend every pair in place. On all ranks; waits for no device.

    The result says how far the whole reference moved, ‖Δπ_ref‖. Whoever calls it waits for the device and for the other
    ranks, which have to call it too.
    """
    pairs.reference.reshard()
    named = [*zip(pairs.names, pairs, strict=True)]
    mine = (pair for name, pair in named if pairs.reference.is_holder(name))
    others = (pair for name, pair in named if not pairs.reference.is_holder(name))
    kept = pairs.launches
    squared = blend_all(((_live(reference), _live(policy)) for reference, policy in mine), alpha, kept["mine"])
    blend_all(((_live(reference), _live(policy)) for reference, policy in others), alpha, kept["others"])
    _sync_copies(pairs, alpha)
    return partial(_distance, squared)


def _sync_copies(pairs: Pairs, alpha: float) -> None:
    """Let the whole copies of parameters that ZeRO-3 keeps beside its partitions follow these."""
    both = []
    for reference, policy in pairs:
        if (whole := reference.copy()) is None:
            continue
        if (source := policy.copy()) is not None:
            both.append((whole.view(-1), source.view(-1)))
        else:
            whole.copy_(pairs.reference.everywhere(reference.name, _live(reference)))
    blend_all(both, alpha, pairs.launches["copies"])


def _distance(squared: list[Tensor]) -> float:
    import torch

    mine = sum(torch.stack([part.sum().to(squared[0].device) for part in squared]).tolist()) if squared else 0.0
    return math.sqrt(sum(all_gather(mine)))


def _live(shard: Shard) -> Tensor:
    if (live := shard.live()) is not None:
        return live
    copy = shard.copy()
    assert copy is not None
    return copy.view(-1)
