"""Secrets of a known shape, and words that only look alike."""

import pytest

from callsheet.secrets import redact_text
from callsheet.secrets.known import LONGEST

KEY = "0123456789abcdef" * 3
SECRETS = {
    f"token hf_{'aB3' * 11} was refused": f"hf_{'aB3' * 11}",
    f"sk-proj-{KEY}": KEY,
    f"github_pat_{KEY}": KEY,
    f"glpat-{KEY}": KEY,
    f"xoxb-{KEY}": KEY,
    f"AIza{KEY[:35]}": KEY[:35],
    f"wandb_v1_{KEY}": KEY,
    f"wandb: Paste an API key: {KEY[:40]}": KEY[:40],
    f"Authorization: Bearer {KEY}": KEY,
    f"{{'authorization': 'Basic {KEY}'}}": KEY,
    f'"Authorization": "token {KEY}"': KEY,
    f"[('authorization', 'token {KEY}')]": KEY,
    f"curl -H 'bearer {KEY}'": KEY,
    f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{KEY}": KEY,
    f"-----BEGIN RSA PRIVATE KEY-----\n{KEY}\n{KEY}=\n-----END RSA PRIVATE KEY-----": KEY,
    f"-----BEGIN PRIVATE KEY-----\\n{KEY}\\n-----END": KEY,
    f"https://{KEY}@github.com/me/it.git": KEY,
    f"https://me:{KEY}@[::1]:80/it.git": KEY,
    f"https://me:short@host/{KEY}": "short",
    f"GET /x?a=1&token={KEY}&b=2": KEY,
}
WORDS = (
    *("task-oriented-dialogue-generation", "disk-based-caching-of-features", "risk-averse-policy-gradients"),
    *("the commit 0123456789abcdef0123456789abcdef01234567", "a bearer of bad news", "authorization: none"),
    *("http://localhost:8080/a@b", "s3://bucket/me@host", "mailto:me@host", "git@github.com:me/it.git"),
    *("token=</s>", "max_tokens=100000000", "password: prose that says nothing", "https://host/x?key_points=none"),
)


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_found_by_its_shape(text):
    assert SECRETS[text] not in redact_text(f"x {text} y") and SECRETS[text] not in redact_text(text)


@pytest.mark.parametrize("text", WORDS)
def test_a_word_that_looks_alike_is_kept(text):
    assert redact_text(f"x {text} y") == f"x {text} y"


@pytest.mark.parametrize(
    "text", ["://a:", "sk-" + "a" * 15 + "!", "authorization: ", "eyJ" + "a" * 20 + ".", "wandb key "]
)
def test_a_text_made_to_be_slow_is_not(text):
    """A quadratic search would take hours for it."""
    assert len(redact_text(text * (16 * LONGEST // len(text)))) > 0
