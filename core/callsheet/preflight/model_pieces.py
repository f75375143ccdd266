"""Checks that the files of each model are whole, and that its tokenizer, configuration and weights fit each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from callsheet.config.plan import Plan
from callsheet.config.schema import ModelSettings
from callsheet.errors import CallsheetError
from callsheet.model_files import rows, tokens, weights
from callsheet.model_files.contents import Damaged, json_of
from callsheet.rewards.naming import entry
from callsheet.trainer import embedding
from callsheet.trainer.saved_adapters import base_of

CONFIG = "config.json"
SMALL = (
    CONFIG,
    "adapter_config.json",
    "generation_config.json",
    tokens.TOKENIZER,
    tokens.CONFIG,
    tokens.ADDED,
    tokens.NAMED,
)
CACHED = "So it is in the cache of this machine; the Hub may have newer files."
# With these of model.kwargs, transformers reads other files, or does not mind.
ELSEWHERE = {"variant", "subfolder", "gguf_file", "use_safetensors", "ignore_mismatched_sizes", "state_dict"}


@dataclass(frozen=True)
class Piece:
    """A model folder that a run reads. `where` is the setting that names it."""

    where: str
    folder: Path
    settings: ModelSettings
    names: tuple[str, ...] = weights.OF_MODEL


def problems(plan: Plan) -> list[str]:
    """List what is wrong with the files of local models, read from outside.

    Of a model on the Hub, only its tokens are compared with its rows, where the cache has the files.
    """
    pieces = [*_pieces(plan)]
    if damaged := [said for piece in pieces for said in _damage(piece)]:
        return damaged
    try:
        return [said for said, is_settled in _without_rows(plan) if is_settled]
    except Damaged as error:
        return [str(error)]
    except CallsheetError:
        return []  # said by model_folder


def warnings(plan: Plan) -> list[str]:
    """List what will happen to tokens that the embedding has no rows for; while nothing is chosen, it is a problem.

    It is none where the Hub may have newer files than the cache.
    """
    try:
        found = [f"{said} {CACHED}" for said, is_settled in _without_rows(plan) if not is_settled]
        lacking = embedding.lacking(plan.model) if plan.model.resize_embeddings is not None else None
    except (Damaged, CallsheetError):
        return []  # one of the problems
    return [*found, *(embedding.warnings(plan.model, plan.peft, lacking) if lacking else ())]


def _pieces(plan: Plan) -> Iterator[Piece]:
    yield from _with_base(f"model.path={plan.model.path}", plan.model)
    if plan.trainer.ref_model:
        other = replace(plan.model, path=plan.trainer.ref_model, init="pretrained", kwargs=dict(plan.model.kwargs))
        yield from _with_base(f"trainer.ref_model={plan.trainer.ref_model}", other)
    for path in _reward_models(plan):
        yield from _with_base("trainer.rewards", ModelSettings(path=path))


def _with_base(where: str, model: ModelSettings) -> Iterator[Piece]:
    """A model, or an adapter and the model below it."""
    folder = Path(model.path).expanduser()
    if not folder.is_dir():
        return
    try:
        base = base_of(model)
    except CallsheetError:
        return  # said by model_folder
    yield Piece(where, folder, model, weights.OF_ADAPTER if base else weights.OF_MODEL)
    if base:
        yield from _with_base(where, base)


def _damage(piece: Piece) -> list[str]:
    """What of a model's files cannot be read, or is of another model than its `config.json`."""
    found = [said for name in SMALL if (said := _refusal(partial(json_of, piece.folder / name)))]
    if not found and piece.settings.init == "pretrained" and not ELSEWHERE & piece.settings.kwargs.keys():
        found = [said] if (said := _refusal(partial(_check_weights, piece))) else []
    return [f"{piece.where}: {said}" for said in found]


def _refusal(read: Callable[[], object]) -> str:
    try:
        read()
    except Damaged as error:
        return str(error)
    return ""


def _check_weights(piece: Piece) -> None:
    """Raise `Damaged` for weights that are not whole, or of another model than the configuration beside them."""
    shapes = weights.check(piece.folder, piece.names)
    config, kwargs = json_of(piece.folder / CONFIG), piece.settings.kwargs
    said, found = rows.rows_of({**config, **kwargs}), rows.rows_in(shapes)
    if said is None or not found or said in found or "quantization_config" in config:
        return
    source = f"model.kwargs.{rows.SIZE}" if rows.SIZE in kwargs else f"{piece.folder / CONFIG}"
    raise Damaged(
        f"{source} says {rows.SIZE}={said}, and the embedding in the weights of {piece.folder} has {max(found)} rows. "
        "Take both from one model."
    )


def _without_rows(plan: Plan) -> Iterator[tuple[str, bool]]:
    """Each model that has tokens without rows, in a sentence, and whether the run is sure to get these files."""
    if plan.model.resize_embeddings is None:
        if lacking := embedding.lacking(plan.model):
            yield embedding.refusal(f"model.path={plan.model.path}", lacking), embedding.is_settled(plan.model)
        if plan.trainer.ref_model:
            other = replace(plan.model, path=plan.trainer.ref_model, revision=None)
            if lacking := embedding.lacking(other, tokenizer_of=plan.model):
                said = embedding.refusal(f"trainer.ref_model={plan.trainer.ref_model}", lacking)
                yield said, embedding.is_settled(plan.model, other)
    for path in _reward_models(plan):
        model = ModelSettings(path=path)
        if lacking := embedding.lacking(model):
            said = f"trainer.rewards: {path}: {lacking} Add rows with resize_token_embeddings, and save it again."
            yield said, embedding.is_settled(model)


def _reward_models(plan: Plan) -> Iterator[str]:
    for written in plan.trainer.rewards:
        try:
            one = entry(written)
        except CallsheetError:
            continue  # said by the checks of rewards
        if one.is_model:
            yield one.path
