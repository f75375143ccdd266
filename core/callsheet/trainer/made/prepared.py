"""What a trainer made of its data: the rows that it was given and kept, the batches and the steps."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from callsheet.config.plan import Plan
from callsheet.errors import CallsheetError, sentences
from callsheet.trainer.made import batches
from callsheet.trainer.made.learnable import ROWS, mute_rows
from callsheet.trainer.made.preparing import Look

if TYPE_CHECKING:
    from transformers import Trainer

    from callsheet.trainer.inputs import Material

logger = logging.getLogger("callsheet")

TRAIN, EVALUATE = "train on", "evaluate on"
ONLY = "eval"  # what trainers call a single evaluation set


@dataclass(frozen=True)
class Rows:
    """One data set before and after its trainer prepared it.

    `given` and `left` are numbers of rows. `mute` of those left have no token to learn from. `packed` says that the
    trainer joined rows, so that `left` counts something else than `given`.
    """

    name: str
    given: int
    left: int
    mute: int = 0
    packed: bool = False

    def __str__(self) -> str:
        if self.packed:
            return f"{self.given} rows packed into {self.left}"
        return f"{self.left} rows" if self.left == self.given else f"{self.left} of {self.given} rows"


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
        logger.info("%s.", "; ".join([f"{max_steps} steps on {self.train}{self._left_over(trainer)}", *self._sets()]))

    def numbers(self) -> dict[str, Any]:
        """The numbers of rows, for a file; a single evaluation set is called `ONLY`."""
        named = {name or ONLY: asdict(rows) for name, rows in self.evaluation.items()}
        return {"train": asdict(self.train), **({"evaluation": named} if named else {})}

    def _left_over(self, trainer: Any) -> str:
        over = batches.left_over(trainer, self.train.left)
        return f", of which each epoch leaves out {over} that do not fill a batch" if over else ""

    def _sets(self) -> Iterator[str]:
        if self.evaluation:
            named = [f"{rows}{f' ({name})' if name else ''}" for name, rows in self.evaluation.items()]
            yield f"evaluation on {', '.join(named)}"


def look(trainer: Trainer, material: Material, plan: Plan) -> Prepared:
    """Compare what `trainer` holds with what it was given.

    Raises `CallsheetError` if nothing is left to train on, or nothing of an evaluation set.
    """
    made: Any = trainer
    args, causal = made.args, plan.model.auto_class.endswith("ForCausalLM")
    packing = bool(getattr(args, "packing", False))
    eval_packing = packing if getattr(args, "eval_packing", None) is None else bool(args.eval_packing)
    train = _compared(train_name(plan), material.train, made.train_dataset, packing, causal)
    given, kept = sets_of(material.evaluation), sets_of(made.eval_dataset)
    evaluation = {
        name: _compared(eval_name(plan, name), given[name], kept[name], eval_packing, causal) for name in given
    }
    warnings = [*_losses(train, plan, args, TRAIN)]
    for rows in evaluation.values():
        warnings += [*_losses(rows, plan, args, EVALUATE), *batches.not_evaluated(trainer, rows.name, rows.left)]
    return Prepared(train, evaluation, tuple(warnings))


def refuse_nothing(plan: Plan, args: Any) -> Look:
    """What raises `CallsheetError` where a trainer that builds itself leaves nothing of a data set."""

    def refuse(rows: Any, prepared: Any, name: str) -> None:
        if len(prepared) or not len(rows):
            return
        named, use = (train_name(plan), TRAIN) if name == "train" else (eval_name(plan, name), EVALUATE)
        error = nothing_left(plan, args, named, len(rows), use)
        error.is_echo = args.process_index != 0  # every rank prepares the same rows
        raise error

    return refuse


def sets_of(evaluation: Any) -> Mapping[str, Any]:
    """Evaluation sets by name; a single one has the empty name."""
    if evaluation is None:
        return {}
    return evaluation if isinstance(evaluation, dict) else {"": evaluation}


def train_name(plan: Plan) -> str:
    return f"Data set '{plan.dataset.path}'" if plan.dataset.path else "The mixture"


def eval_name(plan: Plan, name: str) -> str:
    if name not in ("", ONLY):
        return f"Evaluation set {name!r}"
    if plan.dataset.eval_path:
        return f"Evaluation set '{plan.dataset.eval_path}'"
    return "The part held out for evaluation"


def nothing_left(plan: Plan, args: Any, name: str, given: int, use: str) -> CallsheetError:
    """The error where a trainer has dropped all rows, or where none of them teaches anything."""
    cause, advice = _cause(plan, args)
    return CallsheetError(sentences(f"{name}: none of its {given} rows is left to {use}", cause, advice))


def _compared(name: str, given: Any, kept: Any, packed: bool, causal: bool) -> Rows:
    rows = len(given)
    if {"chosen", "rejected"} <= {*given.column_names} and "rejected" not in kept.column_names:
        rows *= 2 if "label" in kept.column_names else 1  # KTO makes a good and a bad answer of a pair
    return Rows(name, rows, len(kept), mute_rows(kept, shifted=causal), packed)


def _losses(rows: Rows, plan: Plan, args: Any, use: str) -> Iterator[str]:
    """Say in numbers what was lost; raises `CallsheetError` if that was everything."""
    if not rows.left or rows.mute >= min(rows.left, ROWS):
        raise nothing_left(plan, args, rows.name, rows.given, use)
    cause, _ = _cause(plan, args)
    if not rows.packed and rows.left < rows.given:
        yield sentences(f"{rows.name}: {rows.given - rows.left} of {rows.given} rows are left out", cause)
    if rows.mute:
        looked = f"{rows.left} rows" if rows.left <= ROWS else f"the first {ROWS} rows"
        yield f"{rows.name}: {rows.mute} of {looked} teach nothing: they hold no token to learn from."


def _cause(plan: Plan, args: Any) -> tuple[str, str]:
    """Which setting costs rows, in a sentence, and what to do about it."""
    setting = "trainer.tokenize.max_length" if plan.trainer.tokenize else "trainer.args.max_length"
    limit = plan.trainer.tokenize.max_length if plan.trainer.tokenize else getattr(args, "max_length", None)
    if limit is None:
        return "Their labels leave no token to learn from", "Mend the data."
    if plan.model.auto_class.endswith("ForSequenceClassification"):
        return f"The trainer leaves out pairs with a text of more than {setting}={limit} tokens", f"Raise {setting}."
    cause = f"{setting}={limit} cuts away all that is to be learnt from them"
    if getattr(args, "truncation_mode", None) == "keep_start" and hasattr(args, "max_length"):
        return cause, f"Raise {setting}, or keep the ends of the rows: trainer.args.truncation_mode=keep_end."
    return cause, f"Raise {setting}."
