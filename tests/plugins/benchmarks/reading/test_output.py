"""The files that an engine leaves, without secrets."""

import os

import pytest

from callsheet_plugins.benchmarks.reading import output

TOKEN = "hf_" + "Ab1" * 12


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    (folder / "deep" / f"of {TOKEN}").mkdir(parents=True)
    return folder


def test_secrets_are_blanked_in_content_and_in_names_of_files_and_folders(out):
    (out / "a.txt").write_text(f"1 {TOKEN} 2")
    (out / "deep" / f"of {TOKEN}" / f"n-{TOKEN}.txt").write_text("x " * 300_000 + TOKEN)
    (out / "deep" / f"of {TOKEN}" / "n-***.txt").write_text("mine")
    output.blank(out)
    assert (out / "a.txt").read_text() == "1 *** 2"
    assert (out / "deep" / "of ***" / "n-***.txt-1").read_text() == "x " * 300_000 + "***"
    assert not any(TOKEN in str(path) for path in out.rglob("*"))


def test_what_holds_none_is_not_written_and_what_is_no_file_is_left_alone(out, tmp_path):
    kept, outside = out / "kept.bin", tmp_path / "outside.txt"
    kept.write_bytes(bytes(range(256)) * 100)
    outside.write_text(TOKEN)
    before = kept.stat()
    os.mkfifo(out / "fifo")
    (out / "link").symlink_to(outside)
    (out / "telling").symlink_to(f"/nowhere/{TOKEN}")
    output.blank(out)
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert outside.read_text() == TOKEN and (out / "link").is_symlink() and not (out / "telling").is_symlink()


def test_of_hard_links_only_the_one_inside_changes(out, tmp_path):
    (tmp_path / "outside.txt").write_text(TOKEN)
    os.link(tmp_path / "outside.txt", out / "inside.txt")
    output.blank(out)
    assert (tmp_path / "outside.txt").read_text() == TOKEN and (out / "inside.txt").read_text() == "***"


def test_what_is_too_much_is_passed_over_and_its_name_is_not(out, monkeypatch):
    monkeypatch.setattr(output, "MOST", 1000)
    (out / "small.txt").write_text(TOKEN)
    (out / f"large-{TOKEN}.txt").write_text(TOKEN * 100)
    output.blank(out)
    assert (out / "small.txt").read_text() == "***" and (out / "large-***.txt").stat().st_size == len(TOKEN) * 100
