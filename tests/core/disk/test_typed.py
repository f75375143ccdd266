"""A record is what its type states, or an error that names the file, the line and the field."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NotRequired, TypedDict

import pytest

from callsheet.disk import regular, typed
from callsheet.disk.typed import Malformed


@dataclass(frozen=True)
class Parcel:
    id: str
    put_at: float
    files: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None

    def __post_init__(self):
        if self.put_at < 0:
            raise ValueError("put_at is negative")


class Run(TypedDict):
    status: str
    attempts: NotRequired[list[Mapping[str, object]]]


@pytest.mark.parametrize(
    "text, said",
    [
        ('{"id": "a", "put_at": "x"}', "put_at is text, a number is needed"),
        ('{"id": 1, "put_at": 0}', "id is a whole number, text is needed"),
        ('{"id": "a", "put_at": true}', "put_at is true or false, a number is needed"),
        ('{"put_at": 1}', "it has no id"),
        ('{"id": "a", "put_at": 1, "files": []}', "files is a list, an object is needed"),
        ('{"id": "a", "put_at": 1, "files": {"b": "c"}}', "files[…] is text, a whole number is needed"),
        ('{"id": "a", "put_at": 1, "error": 3}', "error is a whole number, text or null is needed"),
        ('{"id": "a", "put_at": -1}', "put_at is negative"),
        ('{"id": "a", "put_at": 1%s}' % ("0" * 4000), "put_at: number out of range"),
        ('{"id": "a", "put_at": 1%s}' % ("0" * 5000), "it is no JSON that can be read: Exceeds the limit"),
        ("[]", "it is a list, an object is needed"),
        ("null", "it is null, an object is needed"),
        ("", "it is empty"),
        ('{"id": "a",\n "put_at": 1,}', "it is no JSON (expecting property name enclosed in double quotes, line 2"),
        ('{"id": "a"', "it is no JSON (expecting ',' delimiter, column 11)"),
        ("[" * 100_000, "it is nested deeper than 200 levels"),
        ('{"files":' * 100_000, "it is nested deeper than 200 levels"),
        ("[" * 300 + "]" * 300, "it is nested deeper than 200 levels"),
        (b'{"id": "\xff"}', "it is no UTF-8 text: byte 8 is 0xff"),
    ],
)
def test_what_is_no_record_is_named_by_file_and_field(text, said):
    with pytest.raises(Malformed) as error:
        typed.parse(text, Parcel, "outbox/pending/a.json")
    assert str(error.value).startswith(f"outbox/pending/a.json: {said}")
    assert "\n" not in str(error.value) and "`" not in str(error.value)


def test_fields_of_a_later_version_are_left_aside():
    assert typed.parse('{"id": "a", "put_at": 1, "later": 2}', Parcel, "x") == Parcel("a", 1.0)


def test_of_a_dictionary_the_fields_of_a_later_version_are_kept():
    content = typed.parse('{"status": "running", "later": {"a": [1]}}', Run, "run.json")
    assert content == {"status": "running", "later": {"a": [1]}}
    with pytest.raises(Malformed, match=r"run.json: attempts\[0\] is a whole number, an object is needed"):
        typed.parse('{"status": "x", "attempts": [1]}', Run, "run.json")


def test_numbers_that_are_not_finite_are_read_as_0_1_wrote_them():
    assert typed.parse('{"id": "a", "put_at": Infinity}', Parcel, "x").put_at == float("inf")


def test_half_a_sign_that_no_terminal_takes_is_replaced():
    parcel = typed.parse('{"id": "\\ud800a\\ud83d\\ude00", "put_at": 1}', Parcel, "x")
    assert parcel.id == "\ufffda😀" and parcel.id.encode()


def test_a_file_is_read_up_to_the_limit_and_only_a_regular_one(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"id": "a" * 1000, "put_at": 1}))
    assert typed.read(path, Parcel).put_at == 1
    with pytest.raises(regular.Irregular, match="holds more than 100 bytes"):
        typed.read(path, Parcel, limit=100)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(regular.Irregular, match="is a FIFO"):
        typed.read(tmp_path / "fifo", Parcel)
    with pytest.raises(FileNotFoundError):
        typed.read(tmp_path / "none", Parcel)


def test_a_bad_line_harms_itself_only(tmp_path):
    good = '{"status": "a"}'
    lines = [
        good,
        '{"status": 1}',
        "",
        "\x00\x01",
        '{"status": "c',
        "[" * 100_000,
        f'{{"status": "{"x" * 3000}"}}',
        good,
    ]
    (tmp_path / "a.jsonl").write_bytes("\n".join(lines).encode() + b"\n\xff{}\n" + good.encode())
    found = [*typed.rows(tmp_path / "a.jsonl", Run, limit=200_000, where="a.jsonl")]
    assert [row["status"][:1] for row in found if isinstance(row, dict)] == ["a", "x", "a", "a"]
    wrong = [row for row in found if isinstance(row, Malformed)]
    assert [(row.where, row.is_torn) for row in wrong] == [
        *(("a.jsonl line 2", False), ("a.jsonl line 4", True), ("a.jsonl line 5", True)),
        *(("a.jsonl line 6", False), ("a.jsonl line 9", False)),
    ]
    assert wrong[0].wrong == "status is a whole number, text is needed"


def test_a_line_without_end_is_passed_over_and_never_held(tmp_path):
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.write(b'{"status": "a"}\n')
        file.truncate(60 << 20)  # a hole, as some file systems leave after a power cut
        file.seek(0, os.SEEK_END)
        file.write(b'\n{"status": "b"}\n')
    import tracemalloc

    tracemalloc.start()
    first, wrong, last = typed.rows(path, Run, limit=1000, where="a")
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()
    assert (first, last) == ({"status": "a"}, {"status": "b"})
    assert str(wrong) == "a line 2: it holds more than 1,000 bytes"


def test_lines_are_read_one_by_one(tmp_path):
    (tmp_path / "a").write_text('{"status": "a"}\nwrong\n')
    rows = typed.rows(tmp_path / "a", Run)
    assert next(rows) == {"status": "a"}


def test_only_lines_that_hold_a_text_are_parsed(tmp_path):
    (tmp_path / "a").write_text('{"status": "a"}\n{"status": 1}\n{"status": "b"}\n')
    assert [*typed.rows(tmp_path / "a", Run, holding='"b"')] == [{"status": "b"}]


def test_a_line_that_goes_on_and_on_is_not_read_to_its_end(tmp_path, monkeypatch):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n' + b"x" * (8 << 20) + b'\n{"a": 2}\n')
    assert len([*typed.rows(path, dict, limit=1 << 20)]) == 3
    monkeypatch.setattr(typed, "LARGE", 1 << 20)
    first, wrong = typed.rows(path, dict, limit=1 << 20)
    assert first == {"a": 1} and "line 2: it holds more than" in str(wrong)
