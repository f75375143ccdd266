"""What is published names nothing of this machine; the files of the checkpoint stay as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from callsheet import LogContext
from callsheet_plugins.hub_revisions.courier.cleaning import clean
from callsheet_plugins.hub_revisions.local_names import local_names
from plugins.hub_revisions.conftest import checkpoint, deliver, entries, put

NAMES = ["/home/me/work/models/tiny", "/home/me/work", "/home/me", "models/tiny", "/data"]


def cleaned(content: Any, base: str = "") -> Any:
    return json.loads(clean(json.dumps(content), NAMES, base, is_json=True))


@pytest.mark.parametrize(
    "path",
    ["/home/me/work/models/tiny", "models/tiny", "./models/tiny", "~/tiny", "/scratch/other", "C:\\models\\tiny"],
)
def test_the_path_of_a_model_gives_way_to_its_name_on_the_hub_or_to_nothing(path: str) -> None:
    content = {"base_model_name_or_path": path, "_name_or_path": path, "r": 8, "text": {"name_or_path": path}}
    assert cleaned(content) == {
        "base_model_name_or_path": None,
        "_name_or_path": "",
        "r": 8,
        "text": {"name_or_path": ""},
    }
    known = cleaned(content, "me/tiny")
    assert known["base_model_name_or_path"] == known["_name_or_path"] == known["text"]["name_or_path"] == "me/tiny"


def test_what_is_on_the_hub_stays_as_it_is_byte_for_byte() -> None:
    text = '{"base_model_name_or_path":"Qwen/Qwen3-0.6B","token":"/","b":["/usr","a/b"],"é":1}'
    assert clean(text, NAMES, "me/tiny", is_json=True) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("see /home/me/work/models/tiny/config.json.", "see config.json."),
        ("'/home/me/x.py'", "'x.py'"),
        ("/home/mexico and /srv/home/me stay", "/home/mexico and /srv/home/me stay"),
        ("from models/tiny", "from models/tiny"),
        ("path=/home/me/work", "path=work"),
        ("the mode /data of /data/me/x", "the mode /data of x"),
    ],
)
def test_other_text_keeps_the_last_part_of_a_path(text: str, wanted: str) -> None:
    assert clean(text, NAMES, "", is_json=False) == wanted
    assert cleaned({"note": text, "list": [text]}) == {"note": wanted, "list": [wanted]}


def test_the_names_of_this_machine_are_those_of_the_run_and_its_settings(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    (tmp_path / "rows.jsonl").touch()
    config: dict[str, Any] = {
        "model": {"path": "models/tiny"},
        "dataset": {"path": "rows.jsonl", "eval_path": "trl-lib/Capybara"},
    }
    config["dataset"] |= {"system_prompt": "/no_think", "eval": {"hard": str(tmp_path / "models")}, "split": "x" * 5000}
    names = local_names(LogContext(tmp_path / "run", run_config=config), tmp_path)
    assert {"models/tiny", "rows.jsonl", str(tmp_path), str(tmp_path / "run"), str(Path.home())} <= {*names}
    assert str(tmp_path / "models") in names and not {"trl-lib/Capybara", "/", "/no_think"} & {*names}
    assert [len(name) for name in names] == sorted((len(name) for name in names), reverse=True)


@pytest.mark.parametrize("settings", [{}, {"base_model": "me/base"}], ids=str)
@pytest.mark.parametrize("place", ["folder", "huggingface"])
def test_an_adapter_is_published_without_the_path_of_its_base(
    hub: Any, run_dir: Path, place: str, settings: Any
) -> None:
    row = checkpoint(run_dir, 1)
    base = run_dir.parent / "base"
    base.mkdir()
    own = json.dumps({"base_model_name_or_path": str(base), "r": 8})
    (row.path / "adapter_config.json").write_text(own)
    (row.path / "tokenizer_config.json").write_text(
        json.dumps({"name_or_path": str(run_dir / "x"), "model_max_length": 9})
    )
    (row.path / "notes.txt").write_text(f"made in {run_dir}/x/y")
    where = {"hub": place, "include": ["*.txt"], **({"repo": "me/model"} if place == "huggingface" else {})}
    branch = put(run_dir, row, **where, **settings)
    deliver(run_dir)
    [entry] = entries(run_dir, "done")
    if place == "folder":
        files = {path.name: path.read_text(errors="ignore") for path in (run_dir / "hub" / branch).iterdir()}
    else:
        files = {name: content.decode(errors="ignore") for name, content in hub.store.files("me/model", branch).items()}
    assert not [name for name, text in files.items() if str(run_dir.parent) in text]
    assert json.loads(files["adapter_config.json"])["base_model_name_or_path"] == settings.get("base_model")
    assert json.loads(files["tokenizer_config.json"])["model_max_length"] == 9 and files["notes.txt"] == "made in y"
    assert "library_name: peft" in files["README.md"]
    assert ("base_model: " in files["README.md"]) == bool(settings)
    assert (row.path / "adapter_config.json").read_text() == own, "a run goes on from it"
    assert entry.result and {*entry.result["files"]} == {*files} - {
        "README.md",
        ".callsheet-commit.json",
        ".gitattributes",
    }
