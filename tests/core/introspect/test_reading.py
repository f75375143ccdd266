"""The code of a module, read from its cache or its source as an import would read it."""

from __future__ import annotations

import os
import py_compile
from importlib.machinery import PathFinder
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from callsheet.errors import CallsheetError
from callsheet.introspect.reading import OPAQUE, read

OLD, NEW = "x = 1\n", "y = 22\n"


def names(folder: Path) -> tuple[str, ...]:
    spec = PathFinder.find_spec("lucky", [str(folder)])
    assert spec is not None
    return read(spec)[0].co_names


@pytest.fixture
def lucky(tmp_path: Path) -> Path:
    """A module with a fresh cache."""
    (tmp_path / "lucky.py").write_text(OLD)
    py_compile.compile(str(tmp_path / "lucky.py"), doraise=True)
    return tmp_path


def test_a_fresh_cache_is_read_in_place_of_the_source(lucky: Path) -> None:
    cache, source = Path(cache_from_source(str(lucky / "lucky.py"))), lucky / "lucky.py"
    other = lucky / "other.py"
    other.write_text("z = 1\n")
    os.utime(other, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))
    py_compile.compile(str(other), cfile=str(cache), doraise=True)  # of the same time and size

    assert names(lucky) == ("z",)


def test_a_stale_cache_is_not_read(lucky: Path) -> None:
    time = (lucky / "lucky.py").stat().st_mtime_ns
    (lucky / "lucky.py").write_text(NEW)  # of another size
    os.utime(lucky / "lucky.py", ns=(time, time))
    assert names(lucky) == ("y",)

    (lucky / "lucky.py").write_text(OLD.replace("x", "y"))  # of another time
    os.utime(lucky / "lucky.py", ns=(time, time + 5_000_000_000))
    assert names(lucky) == ("y",)


@pytest.mark.parametrize("damage", [b"", b"short", bytes(200)])
def test_a_damaged_cache_is_not_read(lucky: Path, damage: bytes) -> None:
    cache = Path(cache_from_source(str(lucky / "lucky.py")))
    head = cache.read_bytes()[:16]
    cache.write_bytes(damage)
    assert names(lucky) == ("x",)

    cache.write_bytes(head + damage)  # behind a head that looks fresh, which stops an import
    with pytest.raises(CallsheetError, match="cannot be read"):
        names(lucky)


def test_the_text_begins_after_a_line_break_and_has_unix_lines(tmp_path: Path) -> None:
    (tmp_path / "lucky.py").write_bytes("é = 1\r\n".encode())
    spec = PathFinder.find_spec("lucky", [str(tmp_path)])
    assert spec is not None
    assert read(spec)[1] == "\né = 1\n"


def test_a_source_of_another_encoding_is_read_as_it_declares(tmp_path: Path) -> None:
    (tmp_path / "lucky.py").write_bytes("# coding: latin-1\né = 'é'\n".encode("latin-1"))
    spec = PathFinder.find_spec("lucky", [str(tmp_path)])
    assert spec is not None
    code, text = read(spec)
    assert code.co_names == ("é",) and text == "\n# coding: latin-1\né = 'é'\n"


def test_a_module_that_does_not_compile_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "lucky.py").write_text("x = 1\nx = = 2\n")
    with pytest.raises(CallsheetError, match=r"lucky\.py:2 does not compile"):
        names(tmp_path)


def test_a_compiled_extension_is_opaque() -> None:
    spec = PathFinder.find_spec("_json") or PathFinder.find_spec("_ctypes")
    if spec is None:
        pytest.skip("this Python has no extension in a file")
    assert read(spec)[0] is OPAQUE
