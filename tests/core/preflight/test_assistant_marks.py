"""`assistant_only_loss` needs conversations, and marks in the chat template, before anything is imported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.preflight.assistant_marks import problems

SAID = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
PLAIN = "{% for message in messages %}{% if add_generation_prompt %}{% endif %}{% endfor %}"
MARKED = "{%- generation %}{{ messages }}{% endgeneration %}"


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = {
        "chat": {"messages": SAID},
        "turns": {"prompt": SAID[:1], "completion": SAID[1:]},
        "text": {"text": "a"},
        "pair": {"prompt": "a", "completion": "b"},
    }
    for name, row in rows.items():
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "plain.jinja").write_text(PLAIN)
    (tmp_path / "marked.jinja").write_text(MARKED)


def found(data: str, *overrides: str) -> list[str]:
    typed = ["recipe=demo", "plugins=[]", f"dataset.path={data}", "trainer.args.assistant_only_loss=true", *overrides]
    return problems(make_plan(compose(typed), typed))


@pytest.mark.parametrize("data", ["text.jsonl", "pair.jsonl"])
def test_plain_text_is_refused(data: str) -> None:
    [problem] = found(data, "model.chat_template=marked.jinja")
    assert f"needs conversations, as in a column 'messages', and data set '{data}' has plain" in problem


@pytest.mark.parametrize("data", ["chat.jsonl", "turns.jsonl", "org/data"])
def test_a_template_without_marks_is_refused(data: str) -> None:
    [problem] = found(data, "model.chat_template=plain.jinja")
    assert "and that of model.chat_template does not. Set model.chat_template to one." in problem
    assert found(data, "model.chat_template=marked.jinja") == []


def test_the_template_of_the_models_folder_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": PLAIN}))
    assert "and that of model.path=model does not." in found("chat.jsonl", "model.path=model")[0]
    (folder / "tokenizer_config.json").write_text("{}")
    assert "and model.path=model has none." in found("chat.jsonl", "model.path=model")[0]
    (folder / "chat_template.jinja").write_text(MARKED)
    assert found("chat.jsonl", "model.path=model") == []


def test_a_template_that_trl_knows_how_to_mark_is_taken() -> None:
    import importlib.util

    folder = Path(str(importlib.util.find_spec("trl").origin)).parent / "chat_templates"  # type: ignore[union-attr]
    assert found("chat.jsonl", f"model.chat_template={folder / 'qwen3.jinja'}") == []


def test_the_template_that_the_trainer_fetches_counts_first() -> None:
    assert found("chat.jsonl", "trainer.args.chat_template_path=plain.jinja", "model.chat_template=marked.jinja")
    assert found("chat.jsonl", "trainer.args.chat_template_path=org/model", "model.chat_template=plain.jinja") == []


def test_without_it_nothing_is_asked() -> None:
    typed = ["recipe=demo", "plugins=[]", "dataset.path=text.jsonl"]
    assert problems(make_plan(compose(typed), typed)) == []
