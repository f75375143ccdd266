"""Greedy answers to the prompts of a JSONL file, counted by exact match; in a process, `python generate.py SPEC`.

It imports nothing of Callsheet, so that the process may be one of any Python that has transformers.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def read_rows(path: str | Path, limit: int | None = None) -> list[Row]:
    """The rows of a JSONL file, or the first `limit` of them. NaN and infinity, which are no JSON, are None."""
    with Path(path).expanduser().open(encoding="utf-8") as file:
        return [json.loads(line, parse_constant=lambda name: None) for line in file if line.strip()][:limit]


def answers(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Row],
    batch_size: int,
    *,
    system_prompt: str | None = None,
    chat: bool = False,
    around: Callable[[Sequence[Row]], AbstractContextManager[Any]] = lambda rows: nullcontext(),
    **generation: Any,
) -> list[str]:
    """Continuations of every prompt, greedy unless `generation` says otherwise; the model's mode is left as it was.

    A prompt is text, a conversation or a list of tokens. A conversation, or text under a system prompt, passes through
    the tokenizer's chat template, with `tools` and `chat_template_kwargs` of its row. A prompt that is too long for the
    model keeps its end, and an answer that is too long is cut. Each batch is generated inside `around` of its rows.
    `tokenizer` may be a processor.
    """
    import torch

    words, found = getattr(tokenizer, "tokenizer", tokenizer), list[str]()
    given = {"do_sample": False, "use_cache": True, "pad_token_id": padding(words), **generation}
    most = room(model, given)
    given |= _bounded(model, given, most)
    if given.get("stop_strings"):
        given["tokenizer"] = words
    with torch.no_grad(), in_eval_mode(model):  # inference mode would leave tensors that ZeRO-3 cannot train with
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            tokens = [tokens_of(tokenizer, row, system_prompt, chat) for row in batch]
            inputs = _batched([_end(each, most, words) for each in tokens], padding(words), model.device)
            with around(batch):
                out = model.generate(**inputs, **given)
            said = out if model.config.is_encoder_decoder else out[:, inputs["input_ids"].shape[1] :]
            found += words.batch_decode(said, skip_special_tokens=True)
    return found


def tokens_of(
    tokenizer: Any, row: Mapping[str, Any], system_prompt: str | None = None, chat: bool = False
) -> list[int]:
    """The tokens of the prompt of `row`, one at least."""
    words, prompt = getattr(tokenizer, "tokenizer", tokenizer), row["prompt"]
    if is_tokens(prompt):
        tokens = [*prompt]
    else:
        is_chat = chat or bool(system_prompt) or not isinstance(prompt, str)
        text = templated(tokenizer, row, system_prompt) if is_chat else prompt
        tokens = words(text, add_special_tokens=not is_chat)["input_ids"]
    return tokens or [next((id for id in (words.bos_token_id, words.eos_token_id) if id is not None), 0)]


def text_of(tokenizer: Any, row: Mapping[str, Any]) -> str:
    """The prompt of `row` as one text."""
    prompt = row["prompt"]
    if isinstance(prompt, str):
        return prompt
    if is_tokens(prompt):
        return str(getattr(tokenizer, "tokenizer", tokenizer).decode(prompt))
    return templated(tokenizer, row)


def room(model: Any, generation: Mapping[str, Any]) -> int:
    """How many tokens a prompt may have, so that the answer fits behind it; half of all where it never fits."""
    most = [generation.get("max_length"), _positions(model)]
    whole = min((int(length) for length in most if isinstance(length, int) and length > 0), default=1 << 30)
    answer = int(generation.get("max_new_tokens") or 1)
    return max(whole - answer, whole // 2, 1)


def _bounded(model: Any, generation: Mapping[str, Any], most: int) -> dict[str, Any]:
    """No more tokens than the model has positions behind a prompt of `most`: beyond them, a GPU fails for good."""
    positions = _positions(model)
    if positions is None or model.config.is_encoder_decoder:
        return {}
    limits = {"max_new_tokens": max(positions - most, 1), "max_length": positions}
    return {name: min(int(generation[name]), limit) for name, limit in limits.items() if generation.get(name)}


def _positions(model: Any) -> int | None:
    text = model.config.get_text_config() if hasattr(model.config, "get_text_config") else model.config
    positions = getattr(text, "max_position_embeddings", None)
    return positions if isinstance(positions, int) and positions > 0 else None


def padding(tokenizer: Any) -> int:
    """The token that fills a batch on the left; the model does not see it."""
    known = (tokenizer.pad_token_id, tokenizer.eos_token_id)
    return next((token for token in known if token is not None), 0)


def judged(rows: Sequence[Row], found: Sequence[str]) -> list[Row]:
    """Each row with the answer it got, and whether that is its completion."""
    pairs = zip(rows, found, strict=True)
    return [{**row, "answer": text, "right": text.strip() == _expected(row)} for row, text in pairs]


def share_right(predictions: Sequence[Row]) -> float:
    return sum(row["right"] for row in predictions) / max(len(predictions), 1)


def main(spec_path: Path) -> int:
    """Score the model that the JSON file at `spec_path` names, and write the results where it says."""
    spec: dict[str, Any] = json.loads(spec_path.read_text(encoding="utf-8"))
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = {"revision": spec.get("revision"), "trust_remote_code": bool(spec.get("trust_remote_code"))}
    tokenizer = AutoTokenizer.from_pretrained(spec["model"], **source)
    model: Any = AutoModelForCausalLM.from_pretrained(
        spec["model"], **source, **{"dtype": "auto", **spec["model_args"]}
    )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    rows = read_rows(spec["path"], spec.get("limit"))
    asked: dict[str, Any] = {"system_prompt": spec.get("system_prompt"), "chat": bool(spec.get("chat"))}
    found = answers(model.to(spec["device"]), tokenizer, rows, spec["batch_size"], **asked, **spec["generation"])
    predictions = judged(rows, found)
    results = Path(spec["results"])
    # First, because the results say that all is there.
    _write(results.with_name("predictions.jsonl"), (f"{json.dumps(row)}\n" for row in predictions))
    _write(results, [json.dumps({"metrics": {"exact_match": share_right(predictions)}})])
    return 0


def _write(path: Path, texts: Iterable[str]) -> None:
    """Write `texts` to `path`, unless somebody has put a link there, which leads elsewhere."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o666)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(texts)


def _end(tokens: list[int], most: int, tokenizer: Any) -> list[int]:
    """The last tokens, behind the one with which all texts begin."""
    begins = [token for token in tokens[:1] if token == tokenizer.bos_token_id and most > 1]
    return tokens if len(tokens) <= most else [*begins, *tokens[len(tokens) - most + len(begins) :]]


def _batched(tokens: Sequence[Sequence[int]], fill: int, device: Any) -> dict[str, Any]:
    """What `generate` takes, filled on the left; not by the tokenizer, whose settings are the trainer's."""
    import torch

    longest = max(map(len, tokens))
    ids = [[*[fill] * (longest - len(each)), *each] for each in tokens]
    seen = [[*[0] * (longest - len(each)), *[1] * len(each)] for each in tokens]
    return {"input_ids": torch.tensor(ids, device=device), "attention_mask": torch.tensor(seen, device=device)}


def is_tokens(prompt: Any) -> bool:
    return not isinstance(prompt, str) and all(isinstance(token, int) for token in prompt)


def templated(tokenizer: Any, row: Mapping[str, Any], system_prompt: str | None = None) -> str:
    """The prompt in the chat template; an answer that stands at its end is begun, and goes on."""
    prompt, tools = row["prompt"], row.get("tools")
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
    if system_prompt and messages[0].get("role") != "system":
        messages = [{"role": "system", "content": system_prompt}, *messages]
    begun = messages[-1].get("role") == "assistant"
    more = {
        "tools": json.loads(tools) if isinstance(tools, str) else tools,
        **(row.get("chat_template_kwargs") or {}),
    }
    words = getattr(tokenizer, "tokenizer", tokenizer)
    maker = words if words.chat_template else tokenizer
    text = maker.apply_chat_template(
        messages, add_generation_prompt=not begun, continue_final_message=begun, tokenize=False, **more
    )
    return str(text)


def _expected(row: Mapping[str, Any]) -> str:
    completion = row["completion"]
    return str(completion if isinstance(completion, str) else completion[-1]["content"]).strip()


@contextmanager
def in_eval_mode(model: Any) -> Iterator[None]:
    """`model` is in eval mode in this block; then each module is put back into its own mode, training or not."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, is_training in modes:
            module.training = is_training


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a crash in the destructors of torch's threads would take away what was scored
