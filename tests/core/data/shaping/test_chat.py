"""Conversations: what a system prompt does to rows, for every trainer that takes messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from callsheet import CallsheetError, Plugin, hookimpl
from callsheet.data.shaping.chat import with_system_prompt
from callsheet.testing.trainers import WORDS

TEMPLATE = "{% for m in messages %}{{ m['role'][0] }} {{ m['content'] }}-{% endfor %}{% if add_generation_prompt %}a {% endif %}"


def user(word: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": word}]


def answer(word: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": word}]


ROWS: dict[str, list[dict[str, Any]]] = {
    "sft": [{"messages": user(word) + answer(word[::-1])} for word in WORDS],
    "dpo": [{"prompt": user(word), "chosen": answer(word[::-1]), "rejected": answer(word)} for word in WORDS],
    "kto": [{"prompt": user(word), "completion": answer(word), "label": len(word) % 2 == 0} for word in WORDS],
    "grpo": [{"prompt": user(word)} for word in WORDS],
    "rloo": [{"prompt": user(word)} for word in WORDS],
    "reward": [{"chosen": user(w) + answer(w[::-1]), "rejected": user(w) + answer(w)} for w in WORDS],
    "hf": [{"messages": user(word) + answer(word[::-1])} for word in WORDS],
}


class Reads(Plugin):
    """Keeps the first batch as text."""

    @hookimpl
    def on_step_end(self, state, step_idx, batch, metrics):
        [rows] = batch
        self.prompts = [row["prompt"] for row in rows] if isinstance(rows, list) else []
        self.text = (
            [] if self.prompts else [state.tokenizer.decode(ids).replace("<pad>", "") for ids in rows["input_ids"]]
        )


@pytest.mark.parametrize("trainer", ROWS)
def test_a_system_prompt_and_a_template_reach_every_trainer(run_trainer, tmp_path, trainer):
    (tmp_path / "chat.jinja").write_text(TEMPLATE)
    reads = Reads()
    run_trainer(
        trainer,
        f"model.chat_template={tmp_path}/chat.jinja",
        "dataset.system_prompt=be brief",
        rows=ROWS[trainer],
        plugins=[reads],
    )
    if reads.prompts:
        assert all(prompt[0] == {"role": "system", "content": "be brief"} for prompt in reads.prompts)
    else:
        assert all(text.startswith("s be brief-u ") and "-a " in text for text in reads.text)


@pytest.mark.parametrize("trainer", ROWS)
def test_conversations_without_a_template_are_refused_before_training(run_trainer, tmp_path, trainer):
    with pytest.raises(CallsheetError) as refusal:
        run_trainer(trainer, rows=ROWS[trainer])
    assert "holds conversations, and the tokenizer of" in str(refusal.value)
    assert "has no chat template. Set model.chat_template to a Jinja file" in str(refusal.value)
    assert not (tmp_path / "run").exists()


def test_the_template_is_saved_with_the_model(run_trainer):
    folder = run_trainer(
        "sft", f"model.chat_template='{TEMPLATE}'".replace("'{%", '"{%').replace("%}'", '%}"'), rows=ROWS["sft"]
    ).run_dir.path
    assert (folder / "chat_template.jinja").read_text() == TEMPLATE


def put(row: dict[str, Any]) -> dict[str, Any]:
    from datasets import Dataset

    return with_system_prompt(Dataset.from_list([row]), "be brief")[0]


SYSTEM = {"role": "system", "content": "be brief"}


def test_plain_prompts_and_answers_become_conversations():
    assert put({"prompt": "a", "chosen": "b", "rejected": "c", "id": 3}) == {
        "prompt": [SYSTEM, *user("a")],
        "chosen": answer("b"),
        "rejected": answer("c"),
        "id": 3,
    }


def test_a_system_prompt_of_the_rows_own_stays():
    row = {"messages": [{"role": "system", "content": "be long"}, *user("a")]}
    assert put(row) == row


def test_both_answers_of_a_pair_begin_with_it():
    row = put({"chosen": user("a") + answer("b"), "rejected": user("a") + answer("c")})
    assert row["chosen"][0] == row["rejected"][0] == SYSTEM


def test_rows_of_from_and_value_are_spoken_to_in_their_words():
    row = put({"conversations": [{"from": "human", "value": "a"}]})
    assert row["conversations"][0] == {"from": "system", "value": "be brief"}


def test_messages_with_more_keys_keep_them():
    row = put({"messages": [{"role": "user", "content": "a", "name": "b"}]})
    assert row["messages"] == [{**SYSTEM, "name": None}, {"role": "user", "content": "a", "name": "b"}]


def test_text_without_a_conversation_is_refused():
    with pytest.raises(CallsheetError, match="dataset.system_prompt needs conversations, or a column 'prompt'"):
        put({"text": json.dumps("a")})
