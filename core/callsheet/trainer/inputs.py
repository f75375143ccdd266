"""What a trainer is given besides its model, made and tried before the model loads and anything is written."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callsheet import rewards
from callsheet.config.plan import Plan
from callsheet.data import columns_of, first_rows, formats, is_stream
from callsheet.data import evaluation as evaluation_sets
from callsheet.data.evaluation import as_given
from callsheet.data.shaping import chat, tokenizing
from callsheet.distributed.world import world
from callsheet.errors import CallsheetError, counted
from callsheet.trainer import adapters, embedding
from callsheet.trainer.models import load_config, load_tokenizer, model_class

if TYPE_CHECKING:
    from datasets import Dataset, IterableDataset  # type: ignore[import-untyped]  # datasets ships no types
    from peft import PeftConfig
    from transformers import PreTrainedTokenizerBase, TrainingArguments


logger = logging.getLogger("callsheet")


@dataclass(frozen=True)
class Material:
    """What a trainer is made of besides its model."""

    train: Dataset | IterableDataset
    evaluation: Dataset | dict[str, Dataset] | None
    tokenizer: PreTrainedTokenizerBase
    collator: Any = None
    rewards: tuple[Any, ...] = ()
    peft: PeftConfig | None = None


def prepare(
    plan: Plan,
    args: TrainingArguments,
    train: Dataset | IterableDataset,
    evaluation: Dataset | dict[str, Dataset] | None,
) -> Material:
    """Make everything but the model, and try it; raises `CallsheetError` for what would fail in training."""
    shown = first_rows(train, formats.ROWS)
    formats.check_rows(shown, plan.trainer, training_path(plan))
    for name, rows in sets_of(evaluation).items():
        formats.check_rows(first_rows(rows, formats.ROWS), plan.trainer, evaluation_path(plan, name))
    model_class(plan.model)  # of a class that is not there, hear before the data are prepared
    tokenizer: Any = load_tokenizer(plan.model)
    if (config := _config_of(plan)) is not None:
        embedding.require_rows(plan.model, tokenizer, config)
    peft = adapters.make_config(plan.peft, plan.model)
    if not _brings_template(plan):
        chat.insist_on_template(_as_chat(plan, shown[0]), tokenizer, plan.model.path)
    if plan.trainer.tokenize:
        known = config if config is not None else load_config(plan.model)
        for rows in (train, *sets_of(evaluation).values()):
            tokenizing.check_labels(rows, known, plan.model.auto_class)
    with args.main_process_first(local=False, desc="preparing the data"):
        train = _shaped(plan, train, tokenizer, training_path(plan))
        sets = sets_of(evaluation).items()
        shaped = {name: _shaped(plan, rows, tokenizer, evaluation_path(plan, name)) for name, rows in sets}
        evaluation = as_given(shaped)
    collator = tokenizing.collator(train, tokenizer, plan.model.auto_class) if plan.trainer.tokenize else None
    functions = rewards.load(plan.trainer.rewards, columns_of(train))
    rewards.probe(functions, plan.trainer.rewards, train, lambda text: tokenizer(text)["input_ids"])
    return Material(train, evaluation, tokenizer, collator, tuple(functions), peft)


def training_path(plan: Plan) -> str:
    """What messages call the training data."""
    return plan.dataset.path or "dataset.mixture"


def evaluation_path(plan: Plan, name: str) -> str:
    """Where the evaluation set `name` comes from; held-out rows come from the training data."""
    sources = evaluation_sets.sets_of(plan.dataset)
    return sources[name].path if name in sources else training_path(plan)


def sets_of(evaluation: Any) -> dict[str, Any]:
    """Evaluation sets by name; a single one has the empty name."""
    if evaluation is None:
        return {}
    return evaluation if isinstance(evaluation, dict) else {"": evaluation}


def _config_of(plan: Plan) -> Any:
    """The model's configuration; None for a class of the user's, with a configuration unknown to transformers."""
    try:
        return load_config(plan.model)
    except CallsheetError:
        if "." not in plan.model.auto_class:
            raise
        return None


def _brings_template(plan: Plan) -> bool:
    """Whether the trainer fetches a chat template of its own."""
    return bool(plan.trainer.args.get("chat_template_path"))


def _as_chat(plan: Plan, row: dict[str, Any]) -> dict[str, Any]:
    """`row`, with a conversation where the system prompt will make one."""
    if plan.dataset.system_prompt and isinstance(row.get("prompt"), str):
        return {**row, "prompt": [{"role": "user", "content": row["prompt"]}]}
    return row


def _shaped(plan: Plan, rows: Any, tokenizer: Any, path: str) -> Any:
    """`rows` with the system prompt and, for a trainer that does not see to it, as tokens."""
    if plan.dataset.system_prompt:
        rows = chat.with_system_prompt(rows, plan.dataset.system_prompt)
    if plan.trainer.tokenize:
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        rows = tokenizing.tokenized(rows, tokenizer, plan.trainer.tokenize, plan.model.auto_class)
        rows = _with_tokens(rows, path)
    return rows


def _with_tokens(rows: Any, path: str) -> Any:
    """`rows` without those that have no token, which are said; raises `CallsheetError` if no row has any."""
    kept = tokenizing.without_empty(rows)
    if is_stream(rows) or len(kept) == len(rows):
        return kept
    if not len(kept):
        raise CallsheetError(f"Data set '{path}': none of its {counted(len(rows), 'row')} holds any text.")
    if world().is_main:
        lost, of = len(rows) - len(kept), counted(len(rows), "row")
        what = "is left out. It holds no text." if lost == 1 else "are left out. They hold no text."
        logger.warning("Data set '%s': %d of its %s %s", path, lost, of, what)
    return kept
