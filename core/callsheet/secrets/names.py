"""Which names, of settings and of environment variables, say that their value is a secret."""

from __future__ import annotations

import re
from functools import lru_cache

# One of these is in every such name. Few names have one, so few processes compile what follows.
WORDS = ("token", "secret", "pass", "credential", "key", "auth", "bearer", "cookie", "dsn", "connection", "webhook")
SECRET = (
    r"(^|[_.-])(tokens?|secrets?|passwords?|passwd|passphrase|(db|user|smtp|ftp|mysql|redis|pg|postgres)_?pass|credentials?|"
    r"(api|access|private|secret|account|signing|encryption)[_-]?keys?|auth|authorization|bearer|cookies?|dsn|"
    r"connection_string|webhook(_url)?)(_?\d+)?$"
)
VOCABULARY = (
    r"(^|_)(eos|bos|pad|unk|sep|cls|mask|image|stop|special|added|extra)_tokens?$|(^|_)(max|min|num)(_[a-z]+)?_tokens$"
)
# Variables carry such a word anywhere, as in HF_TOKEN_WRITE; what ends like PATH tells where something is.
VARIABLE = (
    r"([A-Z0-9]+_)*(TOKEN|SECRETS?|PASSWORD|PASSWD|PASSPHRASE|PASS|CREDENTIALS?|(API|ACCESS|PRIVATE|SECRET)_?KEY|KEY(?=\d*$|_\d+$))"
    r"\d*(_[A-Z0-9]+)*"
)
ABOUT = (
    r"_(FILE|PATH|DIR|FOLDER|URL|URI|ENDPOINT|HOST|TYPE|NAME|USER|SOCK|TTL|EXPIRY|EXPIRATION|"
    r"SECONDS|COUNT|LIMIT|SIZE|HELPER)$"
)
CAMEL = r"(?<=[a-z0-9])(?=[A-Z])"


@lru_cache(4096)
def names_a_secret(key: str) -> bool:
    """Whether a value under `key` is a secret. Tokens of a vocabulary are none: eos_token, stop_tokens, and the like.

    >>> names_a_secret("OPENAI_API_KEY"), names_a_secret("accessToken"), names_a_secret("max_new_tokens")
    (True, True, False)
    """
    if not any(word in key.lower() for word in WORDS) or re.search(VOCABULARY, key, re.I):
        return False
    if re.search(SECRET, re.sub(CAMEL, "_", key), re.I):
        return True
    return re.fullmatch(VARIABLE, key) is not None and not re.search(ABOUT, key)
