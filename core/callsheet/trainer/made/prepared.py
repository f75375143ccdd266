"""What a trainer made of its data: the rows that it was given and kept, the batches and the steps."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from callsheet.config.plan import Plan
from callsheet.data import is_stream
from callsheet.errors import CallsheetError, counted
from callsheet.trainer.inputs import evaluation_path, sets_of
from callsheet.trainer.made import batches, losses
from callsheet.trainer.made.learnable import mute_rows
from callsheet.trainer.made.preparing import Look
from callsheet.trainer.made.rows import EVALUATE, TRAIN, Rows

if TYPE_CHECKING:
    from transformers import Trainer

    from callsheet.trainer.inputs import Material

logger = logging.getLogger("callsheet")

ONLY = "eval"  # what trainers call a single evaluation set


@dataclass(frozen=True)
class Prepared:
    """The data of a run as its trainer has them; `evaluation` has a name for each of several sets."""

    train: Rows
    evaluation: Mapping[str, Rows]
    warnings: tuple[str, ...] = ()

    def say(self, trainer: Any, max_steps: int) -> None:
        """Log rows and steps on rank 0, before the first step."""
        if not trainer.is_world_process_zero():
            return
        for warning in self.warnings:
            logger.warning("%s", warning)
        logger.info(
            "%s.", "; ".join([f"{counted(max_steps, 'step')} on {self.train}{self._left_over(trainer)}", *self._sets()])
        )

    def numbers(self) -> dict[str, Any]:
        """The numbers of rows, for a file; a single evaluation set is called `ONLY`."""
        named = {name or ONLY: asdict(rows) for name, rows in self.evaluation.items()}
        return {"train": asdict(self.train), **({"evaluation": named} if named else {})}

    def _left_over(self, trainer: Any) -> str:
        over = batches.left_over(trainer, self.train.left or 0)
        return (
            f", of which each epoch leaves out {over} that {'does' if over == 1 else 'do'} not fill a batch"
            if over
            else ""
        )

    def _sets(self) -> Iterator[str]:
        if self.evaluation:
            named = [f"{rows}{f' ({name})' if name else ''}" for name, rows in self.evaluation.items()]
            yield f"evaluation on {', '.join(named)}"


def look(trainer: Trainer, material: Material, plan: Plan) -> Prepared:
    """Compare what `trainer` holds with what it was given.

    Raises `CallsheetError` if nothing is left to train on, or nothing of an evaluation set.
    """
    made: Any = trainer
    causal = plan.model.auto_class.endswith("ForCausalLM")
    train = _compared(train_name(plan), material.train, made.train_dataset, packs(made.args, TRAIN), causal)
    given, kept = sets_of(material.evaluation), sets_of(made.eval_dataset)
    packed = packs(made.args, EVALUATE)
    evaluation = {
        name: _compared(eval_name(plan, name), given[name], kept[name], packed, causal)
        for name in given
        if name in kept
    }
    warnings = [*losses.of(train, losses.cause(plan, made.args, material.train), TRAIN)]
    for name, rows in evaluation.items():
        warnings += losses.of(rows, losses.cause(plan, made.args, given[name]), EVALUATE)
        warnings += batches.not_evaluated(made, rows.name, rows.left or 0)
    return Prepared(train, evaluation, tuple(warnings))


def watcher(plan: Plan, args: Any) -> Look:
    """What looks at each data set while a trainer prepares it.

    It raises `CallsheetError` if nothing is left, and says how much is lost of the first rows of a stream: `look` comes
    too late for the one, and cannot count the other.
    """

    def watch(name: str, given: Any, kept: Any) -> None:
        use = TRAIN if name == "train" else EVALUATE
        named = train_name(plan) if use == TRAIN else eval_name(plan, name)
        is_sample = isinstance(given, list)
        if len(kept) and not is_sample:
            return  # `look` will say what is lost in part
        seen = Rows(named, _rows_to_expect(given, kept), len(kept), packed=packs(args, use), sampled=is_sample)
        try:
            said = [*losses.of(seen, losses.cause(plan, args, given), use)]
        except CallsheetError as error:
            error.is_echo = args.process_index != 0  # every rank prepares the same rows
            raise
        for warning in said if args.process_index == 0 else ():
            logger.warning("%s", warning)

    return watch


def train_name(plan: Plan) -> str:
    return f"Data set '{plan.dataset.path}'" if plan.dataset.path else "The mixture"


def eval_name(plan: Plan, name: str) -> str:
    if name not in ("", ONLY):
        return f"Evaluation set {name!r}"
    if plan.dataset.test_split_size:
        return "The part held out for evaluation"
    return f"Evaluation set '{evaluation_path(plan, '')}'"


def packs(args: Any, use: str) -> bool:
    """Whether the trainer joins rows, as SFT may."""
    packing = bool(getattr(args, "packing", False))
    own = getattr(args, "eval_packing", None) if use == EVALUATE else None
    return packing if own is None else bool(own)


def _compared(name: str, given: Any, kept: Any, packed: bool, causal: bool) -> Rows:
    if is_stream(kept):
        return Rows(name, None, None, packed=packed)
    return Rows(name, _rows_to_expect(given, kept), len(kept), mute_rows(kept, shifted=causal), packed)


def _columns(rows: Any) -> set[str]:
    first = rows[0] if len(rows) else {}
    return {*first} if isinstance(first, Mapping) else set()


def _rows_to_expect(given: Any, kept: Any) -> int:
    """The number of rows that a trainer makes of those given if it loses none: KTO makes two answers of a pair."""
    before, after = (_columns(rows) for rows in (given, kept))
    pairs = {"chosen", "rejected"} <= before and "label" in after and "rejected" not in after
    return len(given) * (2 if pairs else 1)
