"""Secrets in files that are about to leave."""

import json
import pickle
import zipfile

import pytest

from callsheet.secrets import secret_in

TOKEN = "hf_" + "Ab1" * 12


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_PASSWORD", "planted-value")
    return tmp_path


def _safetensors(path, metadata, data=b"\0" * 64):
    header = json.dumps({"__metadata__": metadata}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    return path


def _written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return {name: path}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokenizer.json", json.dumps({"url": f"https://me:{'secretword'}@host/x"})),
        ("notes.txt", f"{'x ' * 600_000}{TOKEN}"),
        ("training_args.bin", pickle.dumps({"run_name": "planted-value"})),
        ("config.json", json.dumps({"note": "cGxhbnRlZC12YWx1ZQ=="})),
        ("modeling_x.py", 'requests.get(url, headers={"Authorization": "Bearer 0123456789abcdefghij"})'),
    ],
)
def test_the_file_with_a_secret_is_named_and_its_kind(folder, name, content):
    said = secret_in({**_written(folder, "good.json", "{}"), **_written(folder, name, content)})
    assert said.startswith(f"{name} holds ") and "planted-value" not in said and TOKEN not in said


def test_the_header_of_safetensors_is_read_and_its_numbers_are_not(folder):
    good = _safetensors(folder / "a.safetensors", {"format": "pt"}, data=TOKEN.encode())
    assert secret_in({"a.safetensors": good}) == ""
    bad = _safetensors(folder / "b.safetensors", {"made_by": "planted-value"})
    expected = "b.safetensors holds the value of the environment variable SOME_PASSWORD"
    assert secret_in({"a.safetensors": good, "b.safetensors": bad}) == expected
    (folder / "torn.safetensors").write_bytes(b"\xff" * 20)
    assert secret_in({"torn.safetensors": folder / "torn.safetensors"}) == ""


def test_a_secret_in_a_name_is_found_and_not_repeated(folder):
    assert secret_in(_written(folder, f"n-{TOKEN}.json", "{}")) == "the name of n-***.json holds a secret"
    assert secret_in({"n-***.json": folder / f"n-{TOKEN}.json"}) == "the name of n-***.json holds a secret"


def test_text_that_becomes_a_file_is_looked_at(folder):
    assert secret_in({"README.md": f"Made with {TOKEN}."}) == "README.md holds a token of Hugging Face"
    assert secret_in({"README.md": "Made with care."}) == ""


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"model": {"vocab": [["authorization", -10.23456789], ["bearer", -11.5], ["token", 3.25e-10]]}}),
        json.dumps({"vocab": {"authorization": 123456789, "hf_": 5, "sk-": 6, "://": 7, "@": 8}}),
        'headers = {"Authorization": f"Bearer {api_key}"}\nauth = f"Authorization: {self.token_of_it}"',
        "a b\nau thorization\nbearer ofalongwordthathasnodigits",
    ],
)
def test_a_vocabulary_and_a_program_are_not_taken_for_secrets(folder, content):
    assert secret_in(_written(folder, "tokenizer.json", content)) == ""


def test_what_is_compressed_is_not_looked_into(folder):
    with zipfile.ZipFile(folder / "x.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a", TOKEN * 10)
    assert secret_in({"x.zip": folder / "x.zip"}) == "", "as callsheet.secrets says"
