"""The one reader of records on disk: bounded JSON, checked against the type that states the record."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar, is_typeddict

from callsheet.disk import regular
from callsheet.disk.regular import shown

RECORD = 16 << 20  # bytes of a file that is one record, or of a line that is one
LARGE = 512 << 20  # bytes of a record that grows with the run or the model, such as trainer_state.json
DEEPEST = 200  # levels of lists and objects; what Callsheet writes has about a hundred at most
TOO_DEEP = f"it is nested deeper than {DEEPEST} levels"
BEGUN = re.compile(rb"\s*(\{\s*(\"|$)|\[|\0)")  # what a torn line begins with: a hole is left by a power cut
LONE = re.compile("[\ud800-\udfff]")  # half of a pair: JSON may escape it, and no file or terminal takes it
WORDS = {
    **{"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "null": "null"},
    **{"array": "a list", "object": "an object"},
}
EXPECTED = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
MISSING = re.compile(r"Object missing required field `([^`]+)`")

T = TypeVar("T")


class Malformed(ValueError):
    """A record is not what its type states: `where` is the file and line, `wrong` says which field is what.

    `is_torn` says that it lacks its end, as a kill leaves it.
    """

    def __init__(self, where: str, wrong: str, *, is_torn: bool = False) -> None:
        super().__init__(f"{where}: {wrong}")
        self.where, self.wrong, self.is_torn = where, wrong, is_torn


def read(path: Path, kind: type[T], *, limit: int = RECORD, follow: bool = False, where: str = "") -> T:
    """The record in the file `path`, which errors call `where`. Raises `Malformed`, and OSError as `regular.read` does.

    `kind` is a dataclass, which is made without the fields that it does not have, or whatever else msgspec knows. Of a
    TypedDict, the content itself is returned, with fields that it does not have.
    """
    return parse(regular.read(path, limit, follow=follow), kind, where or shown(path))


def parse(text: bytes | str, kind: type[T], where: str) -> T:
    """The same for text that was read already."""
    return convert(_content(text, where), kind, where)


def convert(content: Any, kind: type[T], where: str) -> T:
    """The same for JSON that was parsed already."""
    import msgspec  # here, so that what reads no record does not import it

    try:
        made = msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise Malformed(where, _sentence(str(error))) from error
    except (RecursionError, OverflowError) as error:
        raise Malformed(where, str(error)) from error
    return content if is_typeddict(kind) else made


def rows(
    path: Path,
    kind: type[T],
    *,
    limit: int = RECORD,
    holding: str = "",
    where: str = "",
    wrong: Callable[[T], str] = lambda row: "",
) -> Iterator[T | Malformed]:
    """The lines of `path` as records, read one by one; what is none comes as a `Malformed` in its place.

    With `holding`, only lines with that text are parsed, and the others are passed over. `wrong` says of a record what
    its type cannot, and nothing of one that is right. Raises OSError as `regular.open_regular` does.
    """
    wanted, name = holding.encode(), where or shown(path)
    for number, line, is_whole in _lines(path, limit):
        if not is_whole:
            yield Malformed(f"{name} line {number}", f"it holds more than {limit:,} bytes")
        elif wanted in line and line.strip():
            try:
                yield _right(parse(line, kind, f"{name} line {number}"), f"{name} line {number}", wrong)
            except Malformed as error:
                error.is_torn &= bool(BEGUN.match(line))
                yield error


def _right(row: T, where: str, wrong: Callable[[T], str]) -> T:
    if said := wrong(row):
        raise Malformed(where, said)
    return row


def _lines(path: Path, limit: int) -> Iterator[tuple[int, bytes, bool]]:
    """Each line with its number; of one longer than `limit`, the rest is passed over."""
    with os.fdopen(regular.open_regular(path), "rb") as file:
        number = 0
        while line := file.readline(limit + 1):
            number += 1
            is_whole = len(line) <= limit
            has_end = is_whole or _pass_over(file)
            yield number, line if is_whole else b"", is_whole
            if not has_end:
                return


def _pass_over(file: IO[bytes]) -> bool:
    """Go to the end of a line; returns False where that is so far that nothing of ours can follow."""
    start = file.tell()
    while rest := file.readline(1 << 20):
        if rest.endswith(b"\n"):
            return True
        if file.tell() - start > LARGE:
            return False
    return True


def decoded(text: bytes, where: str) -> str:
    """`text` as UTF-8. Raises `Malformed`."""
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(where, f"it is no UTF-8 text: byte {error.start} is {text[error.start]:#04x}") from error


def _content(text: bytes | str, where: str) -> Any:
    said = text if isinstance(text, str) else decoded(text, where)
    try:
        content = json.loads(said)
    except json.JSONDecodeError as error:
        is_torn = not said.rstrip().endswith(("}", "]"))
        raise Malformed(where, _no_json(error), is_torn=is_torn) from error
    except RecursionError as error:
        raise Malformed(where, TOO_DEEP) from error
    except ValueError as error:  # an int of more digits than Python takes
        raise Malformed(where, f"it is no JSON that can be read: {error}") from error
    if said.count("[") + said.count("{") > DEEPEST and _is_deep(content):
        raise Malformed(where, TOO_DEEP)
    return _whole_signs(content) if "\\u" in said else content


def _no_json(error: json.JSONDecodeError) -> str:
    if not error.doc.strip():
        return "it is empty"
    place = f"column {error.colno}" if error.lineno == 1 else f"line {error.lineno}, column {error.colno}"
    return f"it is no JSON ({error.msg[:1].lower()}{error.msg[1:]}, {place})"


def _is_deep(content: Any) -> bool:
    here = [content]
    for _ in range(DEEPEST):
        inside = [each.values() if isinstance(each, dict) else each for each in here]
        here = [child for children in inside for child in children if isinstance(child, (dict, list))]
    return bool(here)


def _whole_signs(content: Any) -> Any:
    """`content` with a replacement sign for what no file and no terminal would take."""
    text = json.dumps(content, ensure_ascii=False)
    return json.loads(LONE.sub("\ufffd", text)) if LONE.search(text) else content


def _sentence(said: str) -> str:
    """What msgspec says, in words.

    >>> _sentence("Expected `float`, got `str` - at `$.put_at`")
    'put_at is text, a number is needed'
    """
    wrong, _, place = said.partition(" - at `")
    field = place.rstrip("`").removeprefix("$").removeprefix(".").replace("[...]", "[…]") or "it"
    if found := EXPECTED.fullmatch(wrong):
        return f"{field} is {_words(found[2])}, {_words(found[1])} is needed"
    if found := MISSING.fullmatch(wrong):
        return f"{field} has no {found[1]}"
    wrong = wrong.replace("`", "")
    return wrong if field == "it" else f"{field}: {wrong[:1].lower()}{wrong[1:]}"


def _words(kinds: str) -> str:
    return " or ".join(WORDS.get(kind, kind) for kind in kinds.split(" | "))
