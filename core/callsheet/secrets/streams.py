"""Secrets in what is too long to be held in memory: blanked, or only found, also where chunks meet inside one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from callsheet.secrets.known import LONGEST
from callsheet.secrets.redaction import HIDDEN
from callsheet.secrets.spans import Span, spans

BATCH = 256 << 10  # characters that are looked at together, each time with what stands around them


class Redactor:
    """Blanks secrets in text that comes in pieces. It holds back some hundred thousand characters."""

    def __init__(self) -> None:
        self._text = ""
        self._begin = 0  # what stands before it has been passed on, and tells what a secret follows

    def feed(self, text: str) -> str:
        """What may be passed on by now."""
        self._text += text
        until = len(self._text) - LONGEST
        return self._pass_on(until) if until - self._begin >= BATCH else ""

    def lines(self) -> str:
        """What may be passed on of a text that pauses: its whole lines, without a secret that may go on after them."""
        until = max(self._text.rfind("\n"), self._text.rfind("\r")) + 1
        open_ends = [span.start for span in spans(self._text) if span.start < until <= span.end]
        return self._pass_on(min([until, *open_ends]))

    def end(self) -> str:
        """What was held back."""
        return self._pass_on(len(self._text))

    def _pass_on(self, until: int) -> str:
        if until <= self._begin:
            return ""
        found = [span for span in spans(self._text) if span.end > self._begin]
        until = max([until, *(span.end for span in found if span.start < until)])
        kept = _blanked(self._text, self._begin, until, found)
        forget = max(until - LONGEST, 0)
        self._text, self._begin = self._text[forget:], until - forget
        return kept


def redacted_stream(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """`chunks` with their secrets blanked, in whatever encoding that writes ASCII as it is, such as UTF-8.

    It holds back some hundred kilobytes, and needs memory for a few chunks.

    >>> b"".join(redacted_stream([b"key hf_", b"a" * 30, b", refused"]))
    b'key ***, refused'
    """
    redactor = Redactor()
    for chunk in chunks:
        if kept := redactor.feed(chunk.decode("latin-1")):
            yield kept.encode("latin-1")
    if kept := redactor.end():
        yield kept.encode("latin-1")


def kind_in(chunks: Iterable[bytes]) -> str:
    """Which kind of secret `chunks` hold first, such as "a token of Hugging Face", or an empty string."""
    text = ""
    for chunk in chunks:
        text += chunk.decode("latin-1")
        if len(text) >= BATCH:
            if found := spans(text):
                return found[0].kind
            text = text[-LONGEST:]
    found = spans(text)
    return found[0].kind if found else ""


def _blanked(text: str, begin: int, until: int, found: list[Span]) -> str:
    kept: list[str] = []
    for span in found:
        if span.start >= until:
            break
        if span.start >= begin:
            kept += [text[begin : span.start], HIDDEN]
        begin = max(begin, span.end)
    return "".join([*kept, text[begin:until]])
