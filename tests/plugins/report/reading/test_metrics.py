"""Curves read from logs: the same as a plain reading line by line, however damaged or mixed the log is."""

import json
import math
import random
import tracemalloc

import numpy as np
import pytest

from callsheet.disk.inside import Inside
from callsheet_plugins.report.reading import lines, metrics, points
from callsheet_plugins.report.reading.metrics import metrics as curves

NAMES = ["loss", "eval_loss", "rewards/mean", "a b", "é", 'quo"ted', "back\\slash", "", "{", "null", "<script>"]
TEXTS = ["x", '": null', "a { b", "[", 'say "hi"', "\u2028", "new\nline", "1.5"]


def read(folder, content, **limits):
    (folder / "metrics.jsonl").write_bytes(content)
    said = []
    return curves(Inside(folder), said.append), said


def plain(content):
    """The same by json alone."""
    found = {}
    for line in content.split(b"\n"):
        try:
            row = json.loads(line.decode("utf-8-sig"))
        except ValueError:
            continue
        if isinstance(row, dict) and type(row.get("step")) is int:
            split = row["split"] if isinstance(row.get("split"), str) and row["split"] else "train"
            for name, value in leaves("", row):
                value = math.nan if value is None else float(value)
                found.setdefault((split, name), {})[row["step"]] = value if math.isfinite(value) else math.nan
    return {key: sorted(points.items()) for key, points in found.items()}


def leaves(above, row):
    for name, value in row.items():
        if isinstance(value, dict):
            yield from leaves(f"{above}{name}/", value)
        elif not isinstance(value, (str, list)) and (above or name not in ("step", "split", "epoch", "time")):
            yield above + name, value


def same(found, expected):
    assert set(found) == set(expected)
    for key, series in found.items():
        steps, values = zip(*expected[key], strict=True)
        assert series.steps.dtype == np.int64 and series.values.dtype == np.float64
        assert series.steps.tolist() == [*steps], key
        np.testing.assert_array_equal(series.values, values, err_msg=str(key))


def value(draw, odd):
    kinds = [lambda: draw.gauss(0, 1), lambda: draw.randint(-5, 5), lambda: None, lambda: draw.random() < 0.5]
    if odd:
        kinds += [lambda: draw.choice(TEXTS), lambda: [1, 2], lambda: {"deep": {"er": 1.5}, "x": "t"}, lambda: 10**30]
        kinds += [lambda: math.nan, lambda: math.inf, lambda: 1e308]
    return draw.choice(kinds)()


def log(seed):
    """Some rows: of a resumed run, with other names now and then, and lines that are none."""
    draw = random.Random(seed)
    names = draw.sample(NAMES, draw.randint(1, 6))
    odd, damage = draw.choice([0, 0, 0.02, 0.5]), draw.choice([0, 0, 0.02, 0.3])
    twice = draw.random() < 0.5  # two rows in a line are told by the number of lines
    made, step = [], 0
    for _ in range(draw.randint(0, 300)):
        step = max(0, step + 1 if draw.random() > 0.02 else step - draw.randint(0, 40))
        row = {"step": step, "split": draw.choice(["train", "train", "eval", "math set", ""]), "time": "2026"}
        row |= {name: value(draw, draw.random() < odd) for name in names if draw.random() < 0.8}
        line = json.dumps(row, ensure_ascii=draw.random() < 0.5).encode()
        if draw.random() < damage:
            broken = [line[: draw.randint(0, len(line))], b"garbage", b"[1]", b"\xff", b"5", b'{"loss": 1}']
            line = draw.choice(
                [*broken, line + line * twice, b"x" if twice else b"", b'{"step": "1"}', b'{"step": 1.5, "loss": 2}']
            )
        made.append(line)
    return b"\n".join(made) + draw.choice([b"\n", b"", b'\n{"step": 9999, "lo'])


@pytest.mark.parametrize("piece", [64, 1 << 20])
def test_a_reading_is_that_of_json_line_by_line(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(metrics, "PIECE", piece)
    for seed in range(150):
        content = log(seed)
        same(read(tmp_path, content)[0], plain(content))


def test_plain_rows_are_read_into_slots(tmp_path, monkeypatch):
    monkeypatch.setattr(points, "_one_by_one", None)  # would be called for a row that no slot takes
    rows = [{"step": n, "split": "train", "loss": None if n % 7 else 1.0, "note": "x"} for n in range(500)]
    rows += [{"step": 499, "split": "eval", "eval_loss": 2}]
    content = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    (tmp_path / "metrics.jsonl").write_bytes(content)
    reader = points.Reader()
    reader._learn(rows)

    same(curves(Inside(tmp_path), print, reader), plain(content))


def test_the_names_of_one_log_are_tried_on_the_next(tmp_path, monkeypatch):
    content = b'{"step": 1, "loss": 2}\n' * 20 + b'{"step": 1, "late": 2}\n'
    reader = points.Reader()
    (tmp_path / "metrics.jsonl").write_bytes(content)
    first = curves(Inside(tmp_path), print, reader)
    monkeypatch.setattr(points, "_one_by_one", None)

    assert [*curves(Inside(tmp_path), print, reader)] == [*first] == [("train", "loss"), ("train", "late")]


def test_each_fault_is_said_once(tmp_path):
    torn = "metrics.jsonl: its last line is torn, as a kill leaves it, and was left out."
    assert read(tmp_path, b'{"step": 1, "a": 1}\n{"step": 2, "a')[1] == [torn]
    assert read(tmp_path, b'{"step": 1, "a": 1}\n{"step": 2, "a": 1}')[1] == []
    assert read(tmp_path, b"x\ny\n")[1] == ["metrics.jsonl: 2 lines are no rows, and were left out."]
    assert read(tmp_path, b'{"a": 1}\n')[1] == ["metrics.jsonl: 1 line is no row, and was left out."]


def test_a_log_of_garbage_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MOST_WRONG", 50)
    monkeypatch.setattr(metrics, "PIECE", 100)
    found, said = read(tmp_path, b"x\n" * 1_000_000 + b'{"step": 1, "loss": 1}\n')
    assert (found, said) == ({}, ["metrics.jsonl: more than 50 lines are no rows; what follows was not read."])


def test_a_log_of_ever_new_names_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(metrics, "MOST_NAMES", 30)
    found, said = read(tmp_path, b"".join(b'{"step": 1, "n%d": 1}\n' % n for n in range(5_000)))
    assert len(found) == 30
    assert said == ["metrics.jsonl: it has more than 30 curves; the others, and what follows, were not read."]


def test_of_a_log_that_is_too_long_the_newest_rows_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MOST_BYTES", 1_000)
    content = b"".join(b'{"step": %4d, "a": 1}\n' % n for n in range(1_000))
    found, said = read(tmp_path, content)
    assert found["train", "a"].steps.tolist() == [*range(957, 1_000)]
    assert said == ["metrics.jsonl has 23,000 bytes; its newest 1,000 were read."]


def test_a_line_without_end_is_passed_over_in_little_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "LONGEST_LINE", 100_000)
    monkeypatch.setattr(metrics, "PIECE", 10_000)
    (tmp_path / "metrics.jsonl").write_bytes(b"\0" * 4_000_000 + b'\n{"step": 1, "loss": 1}\n')
    curves(Inside(tmp_path), print)  # imports numpy
    tracemalloc.start()
    found, said = curves(Inside(tmp_path), (heard := []).append), heard
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
    assert found["train", "loss"].values.tolist() == [1.0]
    assert said == ["metrics.jsonl: 1 line is no row, and was left out."]


def test_deep_rows_are_no_end_of_the_reading(tmp_path):
    deep = b'{"step": 1, "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
    nest = b'{"step": 1, "b": ' + b'{"x":' * 500 + b"1" + b"}" * 500 + b"}\n"
    found, _ = read(tmp_path, deep + nest + b'{"step": 2, "a": 1}\n')
    assert found["train", "a"].steps.tolist() == [2]


def test_no_link_and_no_fifo_is_read(tmp_path):
    import os

    os.mkfifo(tmp_path / "metrics.jsonl")
    found, said = curves(Inside(tmp_path), (heard := []).append), heard
    assert not found and "is a FIFO, no regular file" in said[0]
    os.remove(tmp_path / "metrics.jsonl")
    (tmp_path / "elsewhere").write_text('{"step": 1, "loss": 1}\n')
    (tmp_path / "metrics.jsonl").symlink_to(tmp_path / "elsewhere")
    found, said = curves(Inside(tmp_path), (heard := []).append), heard
    assert not found and "is a symbolic link" in said[0]
