"""One name for each text, and each of them safe."""

import itertools
import os

import pytest

from callsheet.disk.names import file_name, one_part, readable
from callsheet.errors import CallsheetError

TEXTS = (
    *(
        "",
        ".",
        "..",
        "../../escaped",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "a-b",
        "-rf",
        ".hidden",
        "a b",
        "a\0b",
        "a\nb",
        "ä",
    ),
    *(
        "x" * 300,
        "x" * 301,
        "ä" * 5000,
        "\udcff",
        "a--b",
        "a.",
        "CON",
        "~",
        "$(id)",
        "gsm8k",
        "gsm8k|ema",
        "%00",
        "a:b",
    ),
)


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_becomes_one_name_in_a_folder(tmp_path, text):
    name = file_name(text, None, 7)
    (tmp_path / f".{name}.{'0' * 32}.tmp").write_text(text, errors="replace")
    assert os.path.basename(name) == name and name[0] not in ".-" and name.isascii() and name.isprintable()
    assert len(os.listdir(tmp_path)) == 1


def test_two_different_texts_never_have_one_name():
    made = [file_name(*about) for length in (1, 2, 3) for about in itertools.product(TEXTS, repeat=length)]
    assert len({name.casefold() for name in made}) == len(made) == len(TEXTS) + len(TEXTS) ** 2 + len(TEXTS) ** 3


def test_a_name_that_was_made_is_no_name_of_another_text():
    made = [file_name(text, 3) for text in TEXTS]
    assert not {file_name(name) for name in made} & set(made)


def test_where_parts_are_joined_is_part_of_the_name():
    assert file_name("gsm8k-ema", None, 100) != file_name("gsm8k", "ema", 100)
    assert file_name("gsm8k", "ema", 100) == "gsm8k-ema-100"


def test_readable_text_begins_with_no_dot_and_no_dash():
    assert readable("--../.a/b.") == "a-b" and readable("...") == "" and len(readable("x" * 999)) == 100


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "it is empty"),
        ("../x", "it holds a separator"),
        ("a\\b", "it holds a separator"),
        ("a\nb", "it holds a control character"),
        (".x", "it begins with '.'"),
        ("-x", "it begins with '-'"),
        ("ä" * 121, "it is longer than 240 bytes"),
    ],
)
def test_what_is_no_part_of_a_path_is_refused_with_the_reason(name, said):
    with pytest.raises(CallsheetError, match=f"cannot be the name of a folder: {said}"):
        one_part(name, "experiment")


def test_any_other_part_is_taken_as_it_is():
    assert one_part("Größe 3.1", "experiment") == "Größe 3.1"
