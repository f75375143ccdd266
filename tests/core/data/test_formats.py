"""What rows hold: the columns of a trainer with the right things in them."""

from __future__ import annotations

from typing import Any

import pytest

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.config.schema import TrainerSettings
from callsheet.data.formats import check_rows
from callsheet.errors import CallsheetError

USER = [{"role": "user", "content": "a"}]


def trainer(name: str) -> TrainerSettings:
    return make_plan(compose(["model=demo", f"trainer={name}"])).trainer


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("sft", {"messages": USER}),
        ("sft", {"messages": [{"role": "assistant", "content": None, "tool_calls": []}]}),
        ("sft", {"conversations": [{"from": "human", "value": "a"}]}),
        ("sft", {"text": "a", "prompt": None}),
        ("sft", {"input_ids": [1, 2]}),
        ("dpo", {"chosen": USER, "rejected": USER}),
        ("kto", {"prompt": "a", "completion": "b", "label": 1}),
        ("hf", {"text": "a", "label": "anything"}),
    ],
)
def test_rows_that_fit_pass(name: str, row: dict[str, Any]):
    check_rows([row], trainer(name), "data.jsonl")


@pytest.mark.parametrize(
    ("name", "row", "said"),
    [
        ("sft", {"messages": "hello"}, "Row 2 of data set 'data.jsonl' holds 'hello' in column 'messages'; trainer=sft needs a list of messages, as in [{role: user, content: …}]."),
        ("sft", {"messages": []}, "holds [] in column 'messages'"),
        ("sft", {"messages": [{"content": "a"}]}, "in column 'messages'; trainer=sft needs a list of messages"),
        ("sft", {"prompt": "a", "completion": None}, "holds None in column 'completion'; trainer=sft needs text, or a list of messages"),
        ("sft", {"text": 3}, "holds 3 in column 'text'; trainer=sft needs text."),
        ("sft", {"input_ids": "a"}, "holds 'a' in column 'input_ids'; trainer=sft needs a list of token ids."),
        ("dpo", {"prompt": "a", "chosen": USER, "rejected": USER}, "brings prompt as text, chosen as messages, rejected as messages; all must be of one kind."),
        ("kto", {"prompt": "a", "completion": "b", "label": "good"}, "holds 'good' in column 'label'; trainer=kto needs true or false."),
        ("grpo", {"prompt": {"role": "user"}}, "trainer=grpo needs text, or a list of messages"),
    ],
)  # fmt: skip
def test_rows_that_do_not_fit_are_named(name: str, row: dict[str, Any], said: str):
    good = {"text": "a"} if name == "sft" else {}
    with pytest.raises(CallsheetError) as refusal:
        check_rows([good, row], trainer(name), "data.jsonl")
    assert said in str(refusal.value)


def test_a_misfit_is_refused_before_the_run_directory_is_made(run_trainer, tmp_path):
    with pytest.raises(CallsheetError, match="Row 1 of data set .* holds 'good' in column 'label'"):
        run_trainer("kto", rows=[{"prompt": "a", "completion": "b", "label": "good"}])
    assert not (tmp_path / "run").exists()
