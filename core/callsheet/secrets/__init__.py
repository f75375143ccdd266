"""Keep secrets out of what a run writes down, prints and uploads.

A secret is
- the value of an environment variable whose name says so (`HF_TOKEN`, `…_API_KEY`, `…_PASSWORD`), of at least
  `MEMORABLE` (8) characters: shorter values stand in innocent words;
- a value under such a name in a configuration or an override: there of any length, elsewhere of 8 characters or more;
- a text of a known shape: tokens of Hugging Face, OpenAI, GitHub, GitLab, Slack, Google, AWS and wandb, JSON web
  tokens, private keys, `user:password@` in a URL, signatures in its query, and `Authorization` headers.

A value is found as it stands, and as JSON, YAML, CSV, Python, a shell, HTML, a URL, the name of a file, base64
(of either alphabet, also in the middle of other text that was encoded) and hexadecimal digits write it. It is
not found when it is compressed, encrypted, reversed, encoded twice or split over lines. An old key of wandb
looks like a git commit, so it is found by its variable or by the words before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.lazy import names_of

if TYPE_CHECKING:
    from callsheet.secrets.files import secret_in
    from callsheet.secrets.known import MEMORABLE, remember, secret_variables
    from callsheet.secrets.names import names_a_secret
    from callsheet.secrets.places import secrets_at
    from callsheet.secrets.redaction import (
        HIDDEN,
        redact,
        redact_assignments,
        redact_command,
        redact_names,
        redact_override,
        redact_text,
    )
    from callsheet.secrets.streams import Redactor, kind_in, redacted_stream
    from callsheet.secrets.yaml_text import redact_yaml

# Listing plugins prints without secrets, and needs two of these.
__getattr__ = names_of(
    __name__,
    {
        "callsheet.secrets.files": ["secret_in"],
        "callsheet.secrets.known": ["MEMORABLE", "remember", "secret_variables"],
        "callsheet.secrets.names": ["names_a_secret"],
        "callsheet.secrets.places": ["secrets_at"],
        "callsheet.secrets.redaction": [
            *("HIDDEN", "redact", "redact_assignments", "redact_command", "redact_names", "redact_override"),
            "redact_text",
        ],
        "callsheet.secrets.streams": ["Redactor", "kind_in", "redacted_stream"],
        "callsheet.secrets.yaml_text": ["redact_yaml"],
    },
)

__all__ = [
    "HIDDEN",
    "MEMORABLE",
    "Redactor",
    "kind_in",
    "names_a_secret",
    "redact",
    "redact_assignments",
    "redact_command",
    "redact_names",
    "redact_override",
    "redact_text",
    "redact_yaml",
    "redacted_stream",
    "remember",
    "secret_in",
    "secret_variables",
    "secrets_at",
]
