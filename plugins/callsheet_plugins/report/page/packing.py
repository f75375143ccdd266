"""Figures of many lines in half the bytes: the page unpacks them before it draws."""

from __future__ import annotations

import zlib
from base64 import b64encode

LARGE = 8_000  # characters, from which on a figure is packed


def packed(text: str) -> str:
    """`text` by zlib, in the letters of base64."""
    return b64encode(zlib.compress(text.encode("utf-8"), 9)).decode()
