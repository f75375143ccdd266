"""Checks whether `assistant_only_loss` can tell what the assistant said, by conversations and marks in the template."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from callsheet.config.plan import Plan
from callsheet.data.contents import first_row
from callsheet.data.files import is_local
from callsheet.data.shaping import chat
from callsheet.errors import CallsheetError
from callsheet.introspect.modules import module_spec
from callsheet.model_files.contents import Damaged, json_of
from callsheet.model_files.tokens import CONFIG
from callsheet.trainer.chat_template import read, template_of
from callsheet.trainer.saved_adapters import base_of

ARGUMENT = "assistant_only_loss"
MARK = re.compile(r"\{%-?\s*generation\b")
# TRL 1.16 replaces the templates in this folder by ones with marks: get_training_chat_template in
# trl/chat_template_utils.py.
KNOWN = "chat_templates"


def problems(plan: Plan) -> list[str]:
    """List why no row could have marks; a model or data set on the Hub is not checked."""
    if plan.trainer.args.get(ARGUMENT) is not True:
        return []
    return [*_without_conversations(plan), *_without_marks(plan)]


def _without_conversations(plan: Plan) -> Iterator[str]:
    for path in filter(None, (plan.dataset.path, *(source.path for source in plan.dataset.mixture))):
        row: dict[str, Any] | None = None
        with suppress(CallsheetError):  # the checks of the data say what is wrong with them
            row = first_row(path) if is_local(path) else None
        if row and not chat.conversations_in(row) and not (plan.dataset.system_prompt and "prompt" in row):
            yield (
                f"trainer.args.{ARGUMENT}=true needs conversations, as in a column 'messages', and data set '{path}' "
                f"has plain {', '.join(row)}. Leave it out; a prompt with its completion learns the completion alone."
            )


def _without_marks(plan: Plan) -> Iterator[str]:
    where, text = _template(plan)
    if text is None or MARK.search(text) or text in _with_marks_in_trl():
        return
    has = f"that of {where} does not" if text else f"{where} has none"
    yield (
        f"trainer.args.{ARGUMENT}=true needs a chat template that marks what the assistant says with "
        "{% generation %} and {% endgeneration %}, and " + f"{has}. Set model.chat_template to one."
    )


def _template(plan: Plan) -> tuple[str, str | None]:
    """Where the chat template comes from, and its text; None where only the loaded tokenizer could tell."""
    if path := plan.trainer.args.get("chat_template_path"):
        file = Path(str(path)).expanduser()
        with suppress(CallsheetError, OSError):
            return str(path), read(file) if file.is_file() else None
        return str(path), None
    if plan.model.chat_template:
        with suppress(CallsheetError, OSError):  # which is said elsewhere
            return "model.chat_template", template_of(plan.model.chat_template)
        return "model.chat_template", None
    model = base_of(plan.model) or plan.model
    folder = Path(model.path).expanduser()
    return f"model.path={model.path}", _of_tokenizer(folder) if folder.is_dir() else None


def _of_tokenizer(folder: Path) -> str | None:
    """The template in a model's folder, empty if there is none; None where it is not one text."""
    with suppress(OSError, ValueError, Damaged):
        if (file := folder / "chat_template.jinja").is_file():
            return file.read_text(encoding="utf-8")
        if (folder / "additional_chat_templates").is_dir() or (folder / "chat_template.json").is_file():
            return None
        written = json_of(folder / CONFIG).get("chat_template", "") if (folder / CONFIG).is_file() else None
        return written if isinstance(written, str) else None
    return None


def _with_marks_in_trl() -> set[str]:
    spec = module_spec("trl")
    folder = Path(str(spec.origin)).parent / KNOWN if spec and spec.origin else None
    return {file.read_text(encoding="utf-8") for file in folder.glob("*.jinja")} if folder else set()
