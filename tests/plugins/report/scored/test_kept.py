"""Answers are read once while their file stays as it is."""

from pathlib import Path

from callsheet_plugins.report.scored import kept
from callsheet_plugins.report.scored.intervals import Interval
from callsheet_plugins.report.scored.kept import File


def test_a_file_is_read_again_only_when_it_has_changed():
    read = []
    for changed in (1, 1, 2):
        kept.of(File(Path("/run"), "a.jsonl", 10, changed), lambda: read.append("read") or [])
    assert read == ["read", "read"]


def test_only_so_many_bytes_are_kept(monkeypatch):
    monkeypatch.setattr(kept, "MOST_BYTES", 15)
    read = []
    for name in ("b", "c", "b"):
        kept.of(File(Path("/run"), name, 10, 1), lambda: read.append("read") or [])
    assert read == ["read"] * 3


def test_an_interval_is_computed_once_for_a_file_a_metric_and_a_value():
    computed = []
    file = File(Path("/run"), "intervals.jsonl", 10, 1)
    for about in ((file, "m", 0.5), (file, "m", 0.5), (file, "n", 0.5), (file, "m", 0.6)):
        kept.interval(about, lambda: computed.append("once") or Interval(0.1, 0.2))
    assert len(computed) == 3
