"""What may not be read or written is said first, with the setting that names it, and before anything is loaded."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from privileges import modes_count

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.run.train import check

HERE = ("model.path=m", "dataset.path=d.jsonl", "output_dir=o", "plugins=[]", "trainer.args.use_cpu=true")
Close = Callable[[str, int], None]


@pytest.fixture
def close(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Close]:
    """Close one path of a folder with a model, data, an adapter, a run and a checkpoint; all are open at the end."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_DATASETS_CACHE", raising=False)
    for folder in ("m", "data/part", "rewards", "run/outbox/done", "run/checkpoint-2", "cache"):
        Path(folder).mkdir(parents=True)
    for file in ("m/config.json", "m/tokenizer.json", "m/model.safetensors", "t.jinja", "ds.json", "run/metrics.jsonl"):
        Path(file).write_text("{}")
    for file in ("d.jsonl", "data/a.jsonl", "data/part/b.jsonl", "e.jsonl"):
        Path(file).write_text('{"prompt": "a", "completion": "b"}\n')
    for file in ("run/run.json", "run/checkpoint-2/trainer_state.json", "run/checkpoint-2/optimizer.pt"):
        Path(file).write_text(json.dumps({"status": "failed"}))
    Path("run/config.yaml").write_text("plugins: {}")
    closed: list[tuple[str, int]] = []

    def shut(path: str, mode: int) -> None:
        closed.append((path, os.stat(path).st_mode))
        os.chmod(path, mode)

    with modes_count():
        yield shut
    for path, mode in reversed(closed):
        os.chmod(path, mode)


def problems(*overrides: str) -> list[str]:
    typed = [*HERE, *overrides]
    return check(make_plan(compose(typed), typed)).problems


@pytest.mark.parametrize(
    ("path", "overrides", "said"),
    [
        ("m", [], "model.path=m cannot be read: it belongs to"),
        ("m/config.json", [], "model.path=m: m/config.json cannot be read"),
        ("m/model.safetensors", [], "model.path=m: m/model.safetensors cannot be read"),
        ("m/tokenizer.json", [], "model.path=m: m/tokenizer.json cannot be read"),
        ("m/tokenizer.json", ["model.path=../m/../m"], ""),
        ("m", ["trainer=dpo", "trainer.ref_model=./m", "model.path=gpt2"], "trainer.ref_model=./m: m cannot be read"),
        ("d.jsonl", [], "dataset.path=d.jsonl cannot be read"),
        ("data", ["dataset.path=data/a.jsonl"], "data/a.jsonl cannot be reached: the folder"),
        ("data/part", ["dataset.path=data"], "dataset.path=data: data/part cannot be read"),
        ("data/part/b.jsonl", ["dataset.path=data"], "dataset.path=data: data/part/b.jsonl cannot be read"),
        ("e.jsonl", ["dataset.eval_path=e.jsonl"], "dataset.eval_path=e.jsonl cannot be read"),
        ("e.jsonl", ["dataset.eval={easy: d.jsonl, hard: e.jsonl}"], "dataset.eval.hard=e.jsonl cannot be read"),
        (
            "e.jsonl",
            ["dataset.path=null", "dataset.mixture=[{path: d.jsonl}, {path: e.jsonl}]"],
            "dataset.mixture[1].path=e.jsonl cannot be read",
        ),
        ("t.jinja", ["model.chat_template=t.jinja"], "model.chat_template=t.jinja cannot be read"),
        ("t.jinja", ["trainer.args.chat_template_path=t.jinja"], "trainer.args.chat_template_path=t.jinja cannot be"),
        ("ds.json", ["trainer.args.deepspeed=ds.json"], "trainer.args.deepspeed=ds.json cannot be read"),
        ("rewards", ["trainer=grpo", "trainer.rewards=[./rewards]"], "trainer.rewards[0]=./rewards: rewards cannot be"),
        ("run/checkpoint-2", ["resume=run/checkpoint-2"], "resume=run/checkpoint-2 cannot be read"),
        ("run/checkpoint-2/optimizer.pt", ["resume=run/checkpoint-2"], "run/checkpoint-2/optimizer.pt cannot be read"),
        ("run", ["resume=run/checkpoint-2"], "resume=run/checkpoint-2 cannot be reached: the folder"),
        ("run/run.json", ["output_dir=run"], "run/run.json cannot be read"),
        ("run/metrics.jsonl", ["output_dir=run"], "run/metrics.jsonl cannot be read"),
        ("run/outbox", ["output_dir=run"], "run/outbox cannot be read"),
        ("run/outbox/done", ["output_dir=run"], "run/outbox/done cannot be read"),
        ("run", ["output_dir=run"], "run cannot be read"),
        ("run", ["output_dir=run/a/b"], "run/a/b cannot be reached: the folder"),
        ("cache", [], "Or set HF_HOME to a folder that can be written."),
    ],
)
def test_what_is_closed_is_named(close: Close, path: str, overrides: list[str], said: str) -> None:
    close(path, 0)
    found = problems(*overrides)
    assert len(found) == 1 and said in found[0] and "Errno" not in found[0], found


@pytest.mark.parametrize(
    ("path", "overrides", "said"),
    [
        ("run/metrics.jsonl", ["output_dir=run"], "run/metrics.jsonl cannot be written"),
        ("run", ["output_dir=run"], "run cannot be written"),
        ("run", ["output_dir=run/a"], "run/a cannot be written: the folder"),
        ("cache", [], "cache/datasets cannot be written: the folder"),
    ],
)
def test_what_may_be_read_and_not_be_written_is_named(close: Close, path: str, overrides: list[str], said: str) -> None:
    close(path, 0o555 if Path(path).is_dir() else 0o444)
    found = problems(*overrides)
    assert len(found) == 1 and said in found[0], found


def test_a_protected_checkpoint_hinders_no_run(close: Close) -> None:
    close("run/checkpoint-2", 0o555)
    assert not any("cannot be written" in problem for problem in problems("output_dir=run"))


@pytest.mark.parametrize(
    ("output_dir", "said"),
    [
        ("d.jsonl", "d.jsonl is a file, where a folder is needed."),
        ("d.jsonl/o", "d.jsonl is a file, and no folder."),
        ("circle", "circle is a symbolic link that leads back to itself."),
        ("dangling/o", "dangling is a symbolic link to gone, which does not exist."),
        ("dangling", "dangling is a symbolic link to gone, which does not exist."),
    ],
)
def test_where_no_folder_can_be_it_is_said_why(close: Close, output_dir: str, said: str) -> None:
    os.symlink("circle", "circle")
    os.symlink("gone", "dangling")
    found: Any = problems(f"output_dir={output_dir}")
    assert len(found) == 1 and said in found[0], found


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Path("run/snapshots").write_text(""), "run/snapshots is a file, where a folder is needed."),
        (lambda: Path("run/evals.jsonl").mkdir(), "run/evals.jsonl is a folder, where a file is needed."),
    ],
)
def test_what_is_of_the_wrong_kind_in_a_run_is_named(close: Close, make: Callable[[], Any], said: str) -> None:
    make()
    found = problems("output_dir=run")
    assert len(found) == 1 and said in found[0], found
