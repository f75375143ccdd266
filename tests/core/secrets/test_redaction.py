"""What is hidden before anything is written down."""

import json

import pytest

from callsheet.secrets import redact, redact_command, redact_override, redact_text, redact_yaml


@pytest.mark.parametrize(
    "secret",
    [
        *("hf_" + "a" * 16, "sk-" + "b" * 20, "ghp_" + "c" * 20, "AKIA" + "D" * 16, "AKIAIOSFODNN7EXAMPLE"),
        "me:pa/ss@word",
    ],
)
def test_a_secret_is_hidden_by_its_shape(secret):
    text = f"https://{secret}@host/x" if "@" in secret else f"the key {secret}, was refused"
    assert secret not in redact_text(text) and "***" in redact_text(text)
    assert secret not in str(redact({"where": text}))


@pytest.mark.parametrize("word", ["AKIA", "AKIA" + "D" * 17, "XAKIA" + "D" * 16, "hf_short", "sk-learn"])
def test_a_word_that_only_begins_like_one_is_kept(word):
    assert redact_text(f"the word {word}, was kept") == f"the word {word}, was kept"


def test_secrets_are_found_by_name_shape_and_environment(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "0123456789abcdef")
    token = "hf_" + "a" * 34
    hidden = redact(
        {
            "hub_token": "whatever",
            "nested": [{"api_key": "x", "note": f"use {token} here"}],
            "url": "s3://me:pass@host/x",
            "slash": "s3://KEY:pa/ss@wo@host/x and https://store/x?sig=pass@&part=1",
            "plain": "http://localhost:8080/a@b",
            "say": "key 0123456789abcdef",
            "eos_token": "</s>",
            "pad_token": "<pad>",
            "max_new_tokens": 5,
            "later": {"token": "${oc.env:HF_TOKEN}"},
        }
    )
    text = json.dumps(hidden)
    assert not any(secret in text for secret in ("whatever", token, "pass@", "pa/ss", "wo@", "0123456789abcdef", '"x"'))
    assert hidden["plain"] == "http://localhost:8080/a@b" and hidden["slash"].endswith("part=1")
    assert hidden["eos_token"] == "</s>" and hidden["pad_token"] == "<pad>" and hidden["max_new_tokens"] == 5
    assert hidden["later"]["token"] == "${oc.env:HF_TOKEN}"
    assert redact_override(f"++trainer.args.hub_token={token}") == "++trainer.args.hub_token=***"
    assert redact_override("trainer.args.max_steps=3") == "trainer.args.max_steps=3"
    assert token not in redact_text(f"401 for token {token}")


def test_words_that_generation_stops_at_are_no_secret():
    settings = {"stop_tokens": ["<|im_end|>"], "additional_special_tokens": ["<tool>"], "max_new_tokens": 5}
    assert redact(settings) == settings and redact({"tokens": ["abc"]}) == {"tokens": ["***"]}


PRINTED = """\
api_key: short
name: plain
max_new_tokens: 5
later:
  token: ${oc.env:HF_TOKEN}
  password: 'a long phrase that
    goes on in the next line'
  auth:
    user: me
    cookie: crumbs
tokens:
- one-token
- two-token
task:
- ++callbacks.x.api_key=other
override_dirname: callbacks.x.api_key=other,recipe=demo
note: the key is one-long-secret
"""


def test_a_printed_configuration_tells_no_secret_and_everything_else():
    said = redact_yaml(PRINTED + "secret: one-long-secret\n")
    hidden = ("short", "phrase", "next line", "crumbs", "one-token", "two-token", "other")
    assert not any(secret in said for secret in hidden)
    kept = ("name: plain", "max_new_tokens: 5", "token: ${oc.env:HF_TOKEN}", "user: me", "recipe=demo", "note: the key")
    assert all(line in said for line in kept)
    assert "one-long-secret" not in redact_yaml(PRINTED), "it was hidden by its name once"


def test_names_without_their_secrets_stay_as_many():
    names = {f"loss of hf_{letter * 34}": letter for letter in "ab"}
    assert redact(names) == {"loss of ***": "a", "loss of ***-2": "b"}
    assert redact({1: "x", "y": 2}) == {1: "x", "y": 2}


@pytest.mark.parametrize(
    ("override", "kept"),
    [
        ("callbacks={x: {path: a.B, api_key: 'two words'}}", "callbacks={x: {path: a.B, api_key: ***}}"),
        ("callbacks.x.api_key=one two [three", "callbacks.x.api_key=***"),
        ("callbacks.x={api_key: ${oc.env:KEY}}", "callbacks.x={api_key: ${oc.env:KEY}}"),
        ("+callbacks.x.accessToken=abc", "+callbacks.x.accessToken=***"),
        ("trainer.args.max_length=5", "trainer.args.max_length=5"),
    ],
)
def test_the_secrets_of_an_override_are_hidden_and_its_rest_is_kept(override, kept):
    assert redact_override(override) == kept


def test_what_an_override_held_is_hidden_in_every_later_message():
    redact_override("callbacks.x.api_key=remembered-one [remembered-two")
    assert redact_text("at remembered-one and at '[remembered-two'") == "at *** and at '[***'"


def test_the_command_of_a_script_is_kept_without_its_secrets():
    typed = ["train.py", "--api-key", "abc", "--hub_token=xyz", "--token", "--seed", "1", "-k"]
    kept = ["train.py", "--api-key", "***", "--hub_token=***", "--token", "--seed", "1", "-k"]
    assert redact_command(typed) == kept and redact_command([]) == []
