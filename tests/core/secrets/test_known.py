"""Which values are secrets, and in which writings they are found."""

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus

import pytest
import yaml

from callsheet.secrets import MEMORABLE, redact_text

SECRET = "pä'ss \"w/ör&d\\ +1234<key>"


@pytest.fixture
def secret(monkeypatch):
    monkeypatch.setenv("PLANTED_API_KEY", SECRET)
    return SECRET


WRITINGS = {
    "plain": str,
    "json": json.dumps,
    "json in json": lambda text: json.dumps({"name": text}, ensure_ascii=False),
    "yaml": lambda text: yaml.safe_dump({"name": text}, allow_unicode=True, width=10_000),
    "python": lambda text: repr({text: 1}),
    "html": html.escape,
    "url": lambda text: quote(text, safe=""),
    "url in lower case": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text)),
    "query": quote_plus,
    "hex": lambda text: text.encode().hex(),
    **{
        f"base64 behind {before!r}": lambda text, before=before: base64.b64encode(f"{before}{text}:x".encode()).decode()
        for before in ("", "u", "me:", "user:")
    },
    "base64 of a URL": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
}


@pytest.mark.parametrize("writing", WRITINGS)
def test_a_value_is_found_in_every_usual_writing(secret, writing):
    written = WRITINGS[writing](secret)
    blanked = redact_text(f"it said {written} and ended")
    assert "***" in blanked and blanked.startswith("it said ") and blanked.endswith(" and ended")
    assert not any(part in blanked for part in ("1234", "MTIz", "31323334", "w/", "dyMzQ"))


def test_short_and_innocent_values_blank_no_words(monkeypatch):
    said = "x marks 1234567, disabled, max_new_tokens=16 and <|im_end|> of /usr/bin"
    for name, value in {
        "HF_TOKEN": "x",
        "PASSWORD": "1",
        "A_TOKEN": "1234567",
        "MY_AUTH": "disabled",
        "STOP_TOKEN": "<|im_end|>",
        "GOOGLE_APPLICATION_CREDENTIALS": "/usr/bin",
        "TOKENIZERS_PARALLELISM": "max_new_tokens",
    }.items():
        monkeypatch.setenv(name, value)
    assert redact_text(said) == said and len("1234567") == MEMORABLE - 1


def test_a_value_of_many_lines_is_found_line_by_line(monkeypatch):
    lines = [f"line-{number}-{'k' * 40}" for number in range(5)]
    monkeypatch.setenv("DEPLOY_PRIVATE_KEY", "\n".join(lines))
    assert redact_text(f"it ends with {lines[3]}!") == "it ends with ***!"
    assert redact_text("\\n".join(lines)) == "\\n".join(["***"] * 5)


def test_a_value_longer_than_what_a_stream_holds_back_is_found(monkeypatch):
    monkeypatch.setenv("HUGE_TOKEN", "".join(f"{number:08x}" for number in range(10_000)))
    assert redact_text("".join(f"{number:08x}" for number in range(10_000))).replace("*", "") == ""
