"""YAML is bounded before anything is made of it."""

import json

import pytest
import yaml

from callsheet.disk import regular, yaml_files
from callsheet.disk.typed import Malformed

EXPLODING = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 12)
)


@pytest.mark.parametrize(
    "text, said",
    [
        (EXPLODING, "with its aliases written out, it holds more than 100,000 values"),
        ("a: &a [*a]", "*a in line 1 contains itself"),
        ("b: 1\na: &a\n  b: *a", "*a in line 3 contains itself"),
        ("[" * 100_000, "it is nested deeper than 200 levels, in line 1"),
        ("{a: " * 100_000, "it is nested deeper than 200 levels, in line 1"),
        ("- " * 100_000, "it is nested deeper than 200 levels, in line 1"),
        ("a: 1\nb: [", "it is no YAML in line 3: "),
        ("a: *b", "it is no YAML in line 1: found undefined alias"),
        ("a: !!python/object/apply:os.system [x]", "it is no YAML in line 1: could not determine a constructor"),
        ("? [a]\n: 1", "it is no YAML in line 1: found unhashable key"),
        ("a: 2026-05-40", "it holds a value that is none: day is out of range for month"),
        (f"a: {'1' * 5000}", "it holds a value that is none: Exceeds the limit"),
        ("\0", "it is no YAML: unacceptable character"),
        (b"a: \xff", "it is no UTF-8 text: byte 3 is 0xff"),
    ],
)
def test_what_no_reader_of_yaml_should_be_given_is_refused(text, said):
    with pytest.raises(Malformed) as error:
        yaml_files.parse(text if isinstance(text, bytes) else text.encode(), "conf/mine.yaml")
    assert str(error.value).startswith(f"conf/mine.yaml: {said}")


def test_what_people_write_is_read():
    text = b"base: &base {lr: 1.0e-4, on: true}\nrun:\n  <<: *base\n  when: 2026-05-04\nother: *base\n"
    content = yaml_files.parse(text, "x")
    assert content["run"]["lr"] == content["other"]["lr"] == 1e-4
    assert yaml_files.parse(b"", "x") is None


def test_json_is_read_with_its_escapes():
    assert yaml_files.parse(json.dumps({"a": "\U0001f600 \u00e9"}).encode(), "x") == yaml.safe_load(
        '{"a": "\\ud83d\\ude00 \\u00e9"}'
    )


def test_a_file_is_read_up_to_the_limit(tmp_path):
    (tmp_path / "a.yaml").write_text("a: 1\n")
    assert yaml_files.load(tmp_path / "a.yaml") == {"a": 1}
    with pytest.raises(regular.Irregular, match="more than 2 bytes"):
        yaml_files.load(tmp_path / "a.yaml", limit=2)
