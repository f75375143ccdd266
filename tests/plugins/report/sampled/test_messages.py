import json
from typing import Any

import pytest

from callsheet_plugins.report.sampled.messages import Message, messages

CONVERSATION = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


@pytest.mark.parametrize("given", [CONVERSATION, json.dumps(CONVERSATION)], ids=["a list", "as JSON"])
def test_a_conversation_is_a_message_for_each_role(given: Any):
    assert messages(given, 100) == [Message("user", "Hi"), Message("assistant", "Hello")]


@pytest.mark.parametrize("given", ["[{", '[{"a": 1}]', "plain", "", '[{"role": 1}', "[1, 2]"])
def test_any_other_text_stays_as_it_is(given: str):
    assert messages(given, 100) == [Message("", given)]


def test_what_a_tool_is_asked_and_a_picture_are_told():
    calls = [{"name": "search"}]
    parts = [{"type": "text", "text": "Look:"}, {"type": "image"}]
    (message,) = messages([{"role": "user", "content": parts, "tool_calls": calls, "name": None}], 1_000)
    assert message.text == 'Look:\n[image]\ntool_calls: [{"name": "search"}]'


@pytest.mark.parametrize("given", [None, 7, {}, [], [None], [{"role": None, "content": {"a": 1}}]])
def test_what_is_no_conversation_is_shown_as_it_is(given: Any):
    assert messages(given, 100)


def test_a_long_conversation_is_cut_message_by_message():
    found = messages([{"role": "user", "content": "x" * 1_000_000}] * 10, 4_000)
    assert sum(len(message.text) for message in found) < 5_000
