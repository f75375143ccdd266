"""Where secrets stand in settings that must not hold any, because libraries write them into files as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from callsheet.secrets.spans import spans


def secrets_at(where: str, value: Any) -> Iterator[tuple[str, str]]:
    """The places in `value` that hold a secret, and of which kind it is. A secret among names is told by what holds it.

    >>> [*secrets_at("trainer.args", {"run_name": "hf_" + "a" * 34, "seed": 1})]
    [('trainer.args.run_name', 'a token of Hugging Face')]
    """
    if isinstance(value, Mapping):
        for name, item in value.items():
            if kind := _kind(str(name)):
                yield f"a name in {where}", kind
            else:
                yield from secrets_at(f"{where}.{name}", item)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from secrets_at(f"{where}[{number}]", item)
    elif isinstance(value, str) and (kind := _kind(value)):
        yield where, kind


def _kind(text: str) -> str:
    found = spans(text)
    return found[0].kind if found else ""
