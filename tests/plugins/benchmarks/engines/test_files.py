"""What an engine left is read within limits, and each refusal names the file, and its size where that is why."""

import json
import os
import socket
import threading

import pytest

from callsheet_plugins.benchmarks.engines import Malformed, files, json_of, rows_of


def said(read, path):
    with pytest.raises(Malformed) as raised:
        read(path)
    return str(raised.value)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "results.json"
    with path.open("wb") as file:
        file.truncate(files.RESULTS_BYTES + 1)
    assert said(json_of, path) == "results.json holds 16,777,217 bytes, and 16,777,216 are read at most."
    path.write_text(json.dumps({"a": "x" * (files.RESULTS_BYTES - 9)}))
    assert path.stat().st_size == files.RESULTS_BYTES and len(json_of(path)["a"]) == files.RESULTS_BYTES - 9


def test_a_file_that_grows_while_it_is_read_ends_at_the_limit(tmp_path, monkeypatch):
    path, enough = tmp_path / "results.json", threading.Event()
    path.write_text("[")
    monkeypatch.setattr(files, "RESULTS_BYTES", 1 << 20)

    def grow():
        while not enough.is_set():
            with path.open("a") as file:
                file.write("1," * 50_000)

    growing = threading.Thread(target=grow)
    growing.start()
    real = os.read

    def slow(descriptor, count):  # as much as is there, and then some more is
        found = real(descriptor, min(count, 4096))
        while not enough.is_set() and os.fstat(descriptor).st_size < os.lseek(descriptor, 0, os.SEEK_CUR) + 4096:
            continue
        return found

    monkeypatch.setattr(os, "read", slow)
    try:
        assert "and 1,048,576 are read at most." in said(json_of, path)
    finally:
        enough.set()
        growing.join()


@pytest.mark.parametrize("read", [json_of, lambda path: [*rows_of(path)]], ids=["json", "rows"])
@pytest.mark.parametrize("what", ["a symbolic link", "a FIFO", "a folder", "a socket", "a device", "nothing"])
def test_only_regular_files_are_read(tmp_path, read, what):
    path, other = tmp_path / "results.json", tmp_path / "other.json"
    other.write_text("{}")
    listener = socket.socket(socket.AF_UNIX)
    if what == "a symbolic link":
        path.symlink_to(other)
    elif what == "a FIFO":
        os.mkfifo(path)
    elif what == "a folder":
        path.mkdir()
    elif what == "a socket":
        listener.bind(os.path.relpath(path))
    elif what == "a device":
        path = type(path)("/dev/zero")
    sentence = said(read, path)
    listener.close()
    if what == "nothing":
        assert path.name in sentence and ("no results file" in sentence or "No such file" in sentence)
    else:
        assert sentence == f"{path.name} is {what}, no regular file."


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b'{"a": "' + b"x" * (4 << 20) + b'"}', "line 2 of samples.jsonl holds more than 4,194,304 bytes."),
        (b"[" * 100_000, "line 2 of samples.jsonl cannot be read: it is nested too deeply."),
        (b"9" * 5_000, "line 2 of samples.jsonl cannot be read: Exceeds the limit"),
        (b"\xff\xfe", "line 2 of samples.jsonl cannot be read: "),
        (b"[1]", "line 2 of samples.jsonl is no object."),
    ],
)
def test_rows_come_one_by_one_up_to_one_that_is_none(tmp_path, line, sentence):
    path = tmp_path / "samples.jsonl"
    path.write_bytes(b'{"a": 1}\n' + line + b'\n{"a": 2}\n')
    rows = rows_of(path)
    assert next(rows) == {"a": 1}
    with pytest.raises(Malformed) as raised:
        next(rows)
    assert str(raised.value).startswith(sentence)


def test_the_newest_of_thousands_of_files_is_found_whatever_stands_between_them(tmp_path):
    for number in range(1000):
        (tmp_path / f"results_{number}.json").touch()
    deep = tmp_path.joinpath(*["d"] * 50)
    deep.mkdir(parents=True)
    (deep / "results_last.json").write_text("{}")
    os.utime(deep / "results_last.json", (2e9, 2e9))
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "results_gone.json").symlink_to("nowhere")
    assert files.newest(tmp_path, "results_*.json").name == "results_last.json"
