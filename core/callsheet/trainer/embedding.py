"""Tokens that the embedding of a model has no rows for: found by the files, by the loaded tokenizer, and given rows."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callsheet.config.schema import ModelSettings, PeftSettings
from callsheet.errors import CallsheetError, counted
from callsheet.model_files import cached
from callsheet.model_files.contents import json_of
from callsheet.model_files.rows import SIZE, rows_of
from callsheet.model_files.tokens import tokens_in
from callsheet.privates.deepspeed import whole_rows
from callsheet.trainer.saved_adapters import base_of

logger = logging.getLogger("callsheet")

SETTING = "model.resize_embeddings"


@dataclass(frozen=True)
class Lacking:
    """More tokens than rows; `last` is the token with the last id."""

    tokens: int
    rows: int
    last: str

    def __str__(self) -> str:
        return (
            f"the tokenizer has {self.tokens:,} tokens (the last is {self.last!r}), and the embedding of the model has "
            f"{self.rows:,} rows."
        )


def refusal(where: str, lacking: Lacking) -> str:
    """A sentence for tokens without rows, of which the first that a text has would end training."""
    return (
        f"{where}: {lacking} {SETTING}=true adds rows, which training then learns; {SETTING}=false leaves the model as "
        "it is, for tokens that no text has."
    )


def warnings(model: ModelSettings, peft: PeftSettings, lacking: Lacking) -> list[str]:
    """What `model.resize_embeddings`, which is set, means for the run."""
    if model.resize_embeddings is False:
        return [f"model.path={model.path}: {lacking} A text with such a token will end the run ({SETTING}=false)."]
    trained = {"modules_to_save", "trainable_token_indices"} & {name for name, value in peft.args.items() if value}
    if model.resize_embeddings and peft.type and not trained:
        return [
            f"{SETTING}=true adds {counted(lacking.tokens - lacking.rows, 'row', form=',')}, which peft={peft.type} "
            "does not train. "
            "'peft.args.modules_to_save=[embed_tokens,lm_head]' does."
        ]
    return []


def lacking(model: ModelSettings, tokenizer_of: ModelSettings | None = None) -> Lacking | None:
    """What the files of `model` say, in its folder or in the cache of the Hub; None where its tokens fit, or where that
    cannot be known from files.

    Raises `Damaged` for a file that cannot be read, and `CallsheetError` for an adapter without a base.
    """
    base = base_of(model) or model
    tokens = tokens_in(_folder(tokenizer_of or model))
    rows = rows_of({**json_of(_folder(base) / "config.json"), **model.kwargs})
    return Lacking(tokens.count, rows, tokens.last) if tokens and rows and tokens.count > rows else None


def is_settled(*models: ModelSettings) -> bool:
    """Whether what the files of all these models say holds for the run: the Hub may have newer ones than the cache."""
    read = [*models, *filter(None, map(base_of, models))]
    return all(Path(model.path).expanduser().is_dir() or cached.is_settled(model.revision) for model in read)


def _folder(model: ModelSettings) -> Path:
    folder = Path(model.path).expanduser()
    return folder if folder.is_dir() else cached.snapshot(model.path, model.revision) or folder


def require_rows(model: ModelSettings, tokenizer: Any, config: Any) -> None:
    """Raise `CallsheetError` if the loaded tokenizer has tokens without rows, and nobody said what to do with them."""
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    rows = getattr(text, SIZE, None)
    count, last = _tokens_of(tokenizer)
    if isinstance(rows, int) and count > rows and model.resize_embeddings is None:
        raise CallsheetError(refusal(f"model.path={model.path}", Lacking(count, rows, last)))


def resized(loaded: Any, tokenizer: Any) -> Any:
    """`loaded` with a row for each token of `tokenizer`; drawn near the mean of the others, and never fewer rows."""
    count, _ = _tokens_of(tokenizer)
    before = whole_rows(loaded.get_input_embeddings().weight)
    if count > before:
        loaded.resize_token_embeddings(count)
        if loaded.config.pad_token_id is None:
            loaded.config.pad_token_id = tokenizer.pad_token_id
        logger.info("%s=true: the embedding has %s rows instead of %s.", SETTING, f"{count:,}", f"{before:,}")
    return loaded


def _tokens_of(tokenizer: Any) -> tuple[int, str]:
    """One more than the highest id, which is not their number where ids are left out, and the token that has it."""
    vocabulary = tokenizer.get_vocab()
    last = max(vocabulary, key=vocabulary.__getitem__, default="")
    return (vocabulary[last] + 1 if vocabulary else 0), last
