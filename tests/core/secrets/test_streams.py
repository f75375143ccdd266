"""Secrets in streams, wherever chunks meet."""

import random

import pytest

from callsheet.secrets import Redactor, kind_in, redact_text, redacted_stream
from callsheet.secrets.known import LONGEST
from callsheet.secrets.streams import BATCH

PLANTED = "planted-value/with ümläuts"
TOKEN = "hf_" + "Ab1" * 12


@pytest.fixture(autouse=True)
def planted(monkeypatch):
    monkeypatch.setenv("PLANTED_TOKEN", PLANTED)


def _chunks(data, sizes):
    start = 0
    while start < len(data):
        size = next(sizes)
        yield data[start : start + size]
        start += size


def _text():
    words = random.Random(1)
    parts = []
    for number in range(12_000):
        parts.append(f"{number} some words é of a log {words.random()} ")
        parts.append(words.choice(["", "", f"{PLANTED} ", f"{TOKEN}\n", "https://me:pass@word@host/x ", "\n"]))
    return "".join(parts)


@pytest.mark.parametrize("longest", [13, LONGEST, 1 << 20])
def test_a_stream_says_what_the_whole_text_says_wherever_chunks_meet(longest):
    text = _text()
    assert len(text) > 2 * BATCH
    sizes = random.Random(longest)
    chunks = _chunks(text.encode(), iter(lambda: sizes.randint(1, longest), 0))
    said = b"".join(redacted_stream(chunks)).decode()
    assert said == redact_text(text) and "planted-value" not in said and TOKEN not in said and "pass@" not in said


def test_a_secret_at_every_border_is_blanked():
    for at in range(BATCH - 60, BATCH + 20, 4):
        data = b" " * at + TOKEN.encode() + b" " * LONGEST + PLANTED.encode()
        for first in (BATCH + LONGEST, at + LONGEST + 40):
            said = b"".join(redacted_stream([data[:first], data[first:]]))
            assert said == b" " * at + b"***" + b" " * LONGEST + b"***"


def test_bytes_that_are_no_text_stay_as_they_are():
    data = bytes(range(256)) * 2000
    assert b"".join(redacted_stream([data[:777], data[777:]])) == data


def test_a_stream_holds_little_back():
    redactor, longest = Redactor(), 0
    for _ in range(400):
        redactor.feed("x" * 4096)
        longest = max(longest, len(redactor._text))
    assert longest <= BATCH + 2 * LONGEST + 4096


def test_the_kind_of_a_secret_is_told_and_never_its_value():
    assert kind_in([b"a " * 200_000, b"hf_", b"Ab1" * 12]) == "a token of Hugging Face"
    assert kind_in([b"x" * (BATCH - 3) + PLANTED.encode()[:9], PLANTED.encode()[9:]]) == (
        "the value of the environment variable PLANTED_TOKEN"
    )
    assert kind_in([b"x" * 400_000]) == ""


def test_lines_of_a_text_that_pauses_are_passed_on_without_a_secret_that_may_go_on():
    redactor, key = Redactor(), "-----BEGIN PRIVATE KEY-----\n"
    assert redactor.feed(f"ready\nkey {TOKEN[:9]}") + redactor.lines() == "ready\n"
    assert redactor.feed(f"{TOKEN[9:]}\n") + redactor.lines() == "key ***\n"
    assert redactor.feed(key + "MIIEvQIBADANBgkqhkiG\n") + redactor.lines() == key.strip()
    assert redactor.feed("9w0BAQEFAASC\n") + redactor.lines() == ""
    assert redactor.end() == "***"
