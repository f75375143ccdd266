"""Which rows a trainer lost, in sentences with numbers and the setting that costs them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from callsheet.config.plan import Plan
from callsheet.data import first_rows
from callsheet.errors import CallsheetError, counted, sentences
from callsheet.trainer.made.learnable import ROWS
from callsheet.trainer.made.rows import Rows


@dataclass(frozen=True)
class Cause:
    """Which setting costs rows, in a sentence, and what to do about it."""

    said: str
    advice: str


def of(rows: Rows, cause: Cause, use: str) -> Iterator[str]:
    """Say what was lost of `rows`; raises `CallsheetError` if that was everything. `use` is `TRAIN` or `EVALUATE`."""
    if rows.left is None or rows.given is None:
        return
    given = f"its {'first ' if rows.sampled else ''}{counted(rows.given, 'row')}"
    if not rows.left or rows.mute >= min(rows.left, ROWS):
        raise CallsheetError(sentences(f"{rows.name}: none of {given} is left to {use}", cause.said, cause.advice))
    if not rows.packed and rows.left < rows.given:
        lost = rows.given - rows.left
        yield sentences(f"{rows.name}: {lost} of {given} {'is' if lost == 1 else 'are'} left out", f"{cause.said}.")
    if rows.mute:
        looked = counted(rows.left, "row") if rows.left <= ROWS else f"the first {ROWS} rows"
        what = "teaches nothing: it holds" if rows.mute == 1 else "teach nothing: they hold"
        yield f"{rows.name}: {rows.mute} of {looked} {what} no token to learn from."


def cause(plan: Plan, args: Any, given: Any) -> Cause:
    """Why a trainer with the arguments `args` loses some of the rows `given`."""
    setting = "trainer.tokenize.max_length" if plan.trainer.tokenize else "trainer.args.max_length"
    limit = plan.trainer.tokenize.max_length if plan.trainer.tokenize else getattr(args, "max_length", None)
    if limit is None:
        return Cause("Their labels leave no token to learn from", "Mend the data.")
    if plan.model.auto_class.endswith("ForSequenceClassification"):
        return Cause(
            f"The trainer leaves out pairs with a text of more than {setting}={limit} tokens", f"Raise {setting}."
        )
    said = f"{setting}={limit} cuts away all that is to be learnt from them"
    if "labels" in (first_rows(given, 1) or [{}])[0]:
        said += ", or their labels are all -100"
    if getattr(args, "truncation_mode", None) == "keep_start":
        return Cause(said, f"Raise {setting}, or keep the ends of the rows: trainer.args.truncation_mode=keep_end.")
    return Cause(said, f"Raise {setting}.")
