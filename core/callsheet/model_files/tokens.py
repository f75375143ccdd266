"""How many tokens a tokenizer has, by its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callsheet.model_files.contents import json_of

TOKENIZER, CONFIG, ADDED, NAMED = (
    "tokenizer.json",
    "tokenizer_config.json",
    "added_tokens.json",
    "special_tokens_map.json",
)
SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
SEVERAL = ("extra_special_tokens", "additional_special_tokens")


@dataclass(frozen=True)
class Tokens:
    """The number of ids, from 0 on, and the token with the last one."""

    count: int
    last: str


def tokens_in(folder: Path) -> Tokens | None:
    """The tokens that a tokenizer from `folder` has once it is loaded, or None where its files do not tell.

    Raises `Damaged` for a file that cannot be read.
    """
    config, named = json_of(folder / CONFIG), json_of(folder / NAMED)
    known = _vocabulary(json_of(folder / TOKENIZER)) or _plain_vocabulary(folder)
    if not known:
        return None
    decoder = config.get("added_tokens_decoder")
    if isinstance(decoder, dict):
        known |= {_text(token): int(id) for id, token in decoder.items() if str(id).isdigit()}
    else:
        known |= {token: id for token, id in json_of(folder / ADDED).items() if isinstance(id, int)}
    for token in _special(config if isinstance(decoder, dict) else {**config, **named}):
        if token not in known:  # transformers adds what the vocabulary does not have
            known[token] = max(known.values()) + 1
    last = max(known, key=lambda token: known[token])
    return Tokens(known[last] + 1, last)


def _vocabulary(tokenizer: Mapping[str, Any]) -> dict[str, int]:
    """The tokens of `tokenizer.json` with their ids: a model has them in a dictionary, Unigram in a list."""
    model = tokenizer.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(vocabulary, list):
        vocabulary = {str(row[0]): id for id, row in enumerate(vocabulary) if isinstance(row, list) and row}
    found = {token: id for token, id in (vocabulary or {}).items() if isinstance(id, int)}
    added = tokenizer.get("added_tokens")
    for token in added if isinstance(added, list) else ():
        if isinstance(token, dict) and isinstance(token.get("id"), int):
            found[_text(token)] = token["id"]
    return found


def _plain_vocabulary(folder: Path) -> dict[str, int]:
    """The tokens of a tokenizer without `tokenizer.json`, of GPT-2's kind or BERT's."""
    if found := {token: id for token, id in json_of(folder / "vocab.json").items() if isinstance(id, int)}:
        return found
    try:
        lines = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError):
        return {}
    return {token: id for id, token in enumerate(lines[:-1] if lines[-1] == "" else lines)}


def _special(config: Mapping[str, Any]) -> Iterator[str]:
    """The special tokens that `config` names."""
    for name, value in config.items():
        if name in SPECIAL or (name.rpartition("_")[2] == "token" and isinstance(value, (str, dict))):
            yield from filter(None, [_text(value)])
        elif name in SEVERAL and isinstance(value, (list, dict)):
            yield from filter(None, map(_text, value.values() if isinstance(value, dict) else value))


def _text(token: Any) -> str:
    return str(token.get("content", "")) if isinstance(token, dict) else token if isinstance(token, str) else ""
