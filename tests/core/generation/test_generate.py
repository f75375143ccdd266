"""Prompts of every kind, as the model gets them."""

import json
from importlib.resources import files
from types import SimpleNamespace

import pytest

from callsheet.generation import generate

TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if tools %}[{{ tools | length }}]{% endif %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}{{ mark }}"
)
TOOL = {"type": "function", "function": {"name": "add", "parameters": {}}}
USER, ASSISTANT = {"role": "user", "content": "ab"}, {"role": "assistant", "content": "cd"}


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    found = AutoTokenizer.from_pretrained(str(files("callsheet_conf") / "demo" / "model"))
    found.chat_template = TEMPLATE
    return found


class Asked:
    """A model that keeps what it was asked, and says the token 5."""

    training = False
    device = "cpu"

    def __init__(self, context=64, **config):
        about = {"max_position_embeddings": context, "is_encoder_decoder": False, **config}
        self.config = SimpleNamespace(get_text_config=lambda: self.config, **about)

    def modules(self):
        return iter([self])

    def eval(self):
        return self

    def generate(self, input_ids, attention_mask, **generation):
        import torch

        self.asked, self.seen, self.given = input_ids.tolist(), attention_mask.tolist(), generation
        said = torch.full((len(input_ids), 1), 5)
        return said if self.config.is_encoder_decoder else torch.cat([input_ids, said], dim=1)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"prompt": "ab -> "}, "ab -> "),
        ({"prompt": [USER]}, "<user>ab<assistant>"),
        ({"prompt": [USER, ASSISTANT]}, "<user>ab<assistant>cd"),
        ({"prompt": [USER], "tools": json.dumps([TOOL, TOOL])}, "<user>ab[2]<assistant>"),
        ({"prompt": [USER], "tools": [TOOL], "chat_template_kwargs": {"mark": "!"}}, "<user>ab[1]<assistant>!"),
        ({"prompt": [1, 2]}, None),
    ],
)
def test_a_prompt_is_text_a_conversation_or_tokens(tokenizer, row, text):
    expected = tokenizer.decode([1, 2]) if text is None else text
    assert generate.text_of(tokenizer, row) == expected
    assert generate.text_of(SimpleNamespace(tokenizer=tokenizer), row) == expected  # a processor


def test_a_prompt_that_is_too_long_keeps_its_end_and_the_token_with_which_texts_begin(tokenizer):
    model, tokens = Asked(context=10), [*range(2, 22)]
    generate.answers(model, tokenizer, [{"prompt": tokens}, {"prompt": [7]}], 2, max_new_tokens=4)
    assert model.asked[0] == tokens[-6:] and model.asked[1][-1] == 7 and model.seen[1] == [0] * 5 + [1]
    begun = SimpleNamespace(bos_token_id=2)
    assert generate._end(tokens, 6, begun) == [2, *tokens[-5:]] and generate._end(tokens, 20, begun) == tokens
    assert generate._end(tokens, 1, begun) == tokens[-1:]


@pytest.mark.parametrize(
    ("generation", "room"),
    [
        ({"max_new_tokens": 14}, 50),
        ({"max_new_tokens": 500}, 32),
        ({"max_length": 20, "max_new_tokens": None}, 19),
        ({}, 63),
    ],
)
def test_a_prompt_leaves_room_for_its_answer(generation, room):
    assert generate.room(Asked(), generation) == room


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({"max_new_tokens": 64}, {"max_new_tokens": 32}),
        ({"max_new_tokens": 40}, {"max_new_tokens": 32}),
        ({"max_new_tokens": 16}, {"max_new_tokens": 16}),
        ({"max_length": 200}, {"max_length": 64}),
    ],
)
def test_an_answer_stays_within_the_positions_of_the_model(tokenizer, asked, given):
    model = Asked()
    generate.answers(model, tokenizer, [{"prompt": [7] * 60}, {"prompt": [7]}], 2, **asked)
    assert {name: model.given[name] for name in asked} == given
    assert len(model.asked[0]) + given.get("max_new_tokens", 1) <= 64


def test_a_model_with_as_many_positions_as_a_prompt_and_half_an_answer_need_can_answer(tokenizer):
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=64, n_positions=16, n_embd=8, n_layer=1, n_head=1)
    found = generate.answers(GPT2LMHeadModel(config), tokenizer, [{"prompt": [7] * 20}], 1, max_new_tokens=64)
    assert len(found) == 1


def test_an_empty_prompt_has_one_token(tokenizer):
    model = Asked()
    assert generate.answers(model, tokenizer, [{"prompt": ""}, {"prompt": []}], 2, max_new_tokens=1)
    assert len(model.asked[0]) == 1


def test_a_tokenizer_without_a_padding_token_is_left_as_it_is(tokenizer):
    from copy import deepcopy

    bare = deepcopy(tokenizer)
    bare.pad_token, bare.padding_side = None, "right"
    model = Asked()
    generate.answers(model, bare, [{"prompt": "abc"}, {"prompt": "a"}], 2, max_new_tokens=1)
    assert model.seen[1] == [0, 0, 1] and (bare.pad_token, bare.padding_side) == (None, "right")
    assert model.given["pad_token_id"] == bare.eos_token_id


def test_an_encoder_and_decoder_answer_without_repeating_the_prompt(tokenizer):
    model = Asked(is_encoder_decoder=True)
    assert generate.answers(model, tokenizer, [{"prompt": "abc"}], 1) == [tokenizer.decode([5])]
