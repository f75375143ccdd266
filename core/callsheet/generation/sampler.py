"""Completions of an evaluation set by the model in the loop, as rows that `state.report_completions` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from callsheet.generation import generate, under_engines
from callsheet.generation.drawing import drawn_by_row, seed_of, undisturbed
from callsheet.sharding import unwrapped
from callsheet.values import dumps

if TYPE_CHECKING:
    from callsheet.generation.prompts import Prompt
    from callsheet.records import LoopState


def sample(
    state: LoopState, prompts: Sequence[Prompt], generation: Mapping[str, Any], batch_size: int, *, seed: int = 0
) -> list[dict[str, Any]]:
    """Answer each of `prompts`, in their order; the training does not notice. All ranks, with the same prompts.

    `generation` is what `settings.resolved` returns. What is drawn depends on `seed`, the step and the row alone.
    Each row also has the whole prompt as `text`, for scorers. Raises `GenerationFailed` on every rank where one failed.
    """
    rows = [{**each.given, "seed": seed_of(seed, state.step, each.source, each.index)} for each in prompts]
    asked = dict(generation)
    if asked.get("do_sample"):
        asked["around"] = drawn_by_row
    with undisturbed(seed_of(seed, state.step)):
        found = under_engines.answers(state, unwrapped(state), rows, batch_size, **asked)
        texts = [whole_text(state, each.given) for each in prompts]
    return [
        {"source": each.source, "index": each.index, "prompt": _shown(each, text), "completion": said, "text": text}
        for each, text, said in zip(prompts, texts, found, strict=True)
    ]


def whole_text(state: LoopState, row: Mapping[str, Any]) -> str:
    """The prompt of `row` as one text for scorers; JSON where no chat template makes one of it."""
    try:
        return generate.text_of(state.tokenizer, row)
    except Exception:  # of a template that somebody wrote
        return dumps(row["prompt"])


def why_not(model: Any) -> str:
    """Why a model cannot be asked, as the end of a sentence; or an empty string."""
    can = getattr(model, "can_generate", None)
    if can is None and not hasattr(model, "generate"):
        return f"{type(model).__name__} has no method generate"
    return "" if can is None or can() else f"{type(model).__name__} gives no text"


def _shown(prompt: Prompt, text: str) -> Any:
    said = prompt.given["prompt"]
    return said if not generate.is_tokens(said) else text
