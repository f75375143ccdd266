"""The model card that a trainer writes, without the places where it says None."""

from __future__ import annotations

import re
from pathlib import Path

from callsheet.config.plan import Plan
from callsheet.rundir import atomic

# TRL 1.16, trl/templates/*_model_card.md: it names a base model and a repository of this model, whether there is one or
# not: https://github.com/huggingface/trl/blob/v1.16.0/trl/templates/lm_model_card.md
BASE = re.compile(r"This model is a fine-tuned version of \[None\]\(https://huggingface\.co/None\)")
ITSELF = re.compile(r'(?<=model=)"None"')


def mend(path: Path, plan: Plan) -> None:
    """Say in the card at `path` where the model comes from, if it has no base on the Hub; names no path of here."""
    if not path.is_file():
        return
    text = path.read_text(encoding="utf-8")
    mended = without_none(text, plan.run_dir.name, drawn=plan.model.init == "config")
    if mended != text:
        atomic.write(path, mended, plan.run_dir)


def without_none(text: str, name: str, *, drawn: bool) -> str:
    """The card of a model called `name`, whose weights were drawn at random or loaded from a folder.

    >>> without_none("This model is a fine-tuned version of [None](https://huggingface.co/None).", "x", drawn=True)
    'This model was trained from random weights.'
    """
    origin = "was trained from random weights" if drawn else "is a fine-tuned version of a model that is not on the Hub"
    return ITSELF.sub(f'"{name}"', BASE.sub(f"This model {origin}", text))
