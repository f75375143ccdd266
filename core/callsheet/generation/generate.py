"""Greedy answers to the prompts of a JSONL file, counted by exact match; in a process, `python generate.py SPEC`.

It imports nothing of Callsheet, so that the process may be one of any Python that has transformers.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
    **generation: Any,
) -> list[str]:
    """Continuations of every prompt, greedy unless `generation` says otherwise; the model's mode is left as it was.

    A prompt that is a conversation, or stands under a system prompt, passes through the tokenizer's chat template.
    """
    import torch

    found: list[str] = []
    with torch.no_grad(), in_eval_mode(model):  # inference mode would leave tensors that ZeRO-3 cannot train with
        for start in range(0, len(rows), batch_size):
            texts = [_text(tokenizer, row["prompt"], system_prompt, chat) for row in rows[start : start + batch_size]]
            templated = chat or bool(system_prompt) or not isinstance(rows[start]["prompt"], str)
            batch: Any = tokenizer(
                texts,
                return_tensors="pt",
                padding=True,
                padding_side="left",
                return_token_type_ids=False,
                add_special_tokens=not templated,
            ).to(model.device)
            out = model.generate(**batch, **{"do_sample": False, "use_cache": True, **generation})
            found += tokenizer.batch_decode(out[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
    return found


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


def _text(tokenizer: Any, prompt: Any, system_prompt: str | None, chat: bool) -> str:
    if isinstance(prompt, str) and not (system_prompt or chat):
        return prompt
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
    if system_prompt and messages[0].get("role") != "system":
        messages = [{"role": "system", "content": system_prompt}, *messages]
    return str(tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False))


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
