"""What is hidden before anything is written down."""

import pytest

from callsheet.secrets import redact, redact_text


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
