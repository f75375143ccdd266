"""What `model.path` and `model.revision` cannot mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.preflight.model_folder import problems, warnings


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("tiny", "runs/first"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.json").write_text("{}")
    (tmp_path / "gpt3").mkdir()  # no model


def plan(*overrides: str):  # type: ignore[no-untyped-def]  # of a run that is not made
    typed = ["recipe=demo", "plugins=[]", *overrides]
    return make_plan(compose(typed), typed)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["model.path=tinny"], "There is no folder model.path=tinny here. Did you mean 'tiny'?"),
        (["model.path=./tinny"], "model.path=./tinny is not a folder. Did you mean 'tiny'?"),
        (["model.path=./runs/frist"], "model.path=./runs/frist is not a folder. Did you mean 'runs/first'?"),
        (["model.path=a//b"], "model.path=a//b is not a folder."),
        (["'model.path=my model'"], "model.path=my model is no folder here, and cannot be an id on the Hub."),
        ([f"model.path={'x' * 100}"], "… (100 characters) is no folder here, and cannot be an id on the Hub."),
        ([f"model.path=a/b model.revision={'x' * 300}"], "… (300 characters) cannot be a branch, a tag or a commit."),
        (["model.path=a/b 'model.revision=v 1'"], "model.revision=v 1 cannot be a branch, a tag or a commit."),
        (["model.path=a/b model.revision=a..b"], "model.revision=a..b cannot be a branch, a tag or a commit."),
        (["trainer=dpo model.path=tiny trainer.ref_model=tinny"], "There is no folder trainer.ref_model=tinny here."),
        (["trainer=dpo model.path=tiny trainer.ref_model=./gone"], "trainer.ref_model=./gone is not a folder."),
        (["model.path=tiny model.revision=main"], "model.revision is set, and model.path=tiny is a folder"),
    ],
)
def test_it_is_refused(overrides: list[str], said: str) -> None:
    import shlex

    [problem] = problems(plan(*shlex.split(overrides[0])))
    assert said in problem


@pytest.mark.parametrize(
    "overrides",
    [
        "model.path=tiny",
        "model.path=gpt2",
        "model.path=Qwen/Qwen3-0.6B model.revision=refs/pr/1",
        "model.path=a/b model.revision=v1.0-rc_2",
    ],
)
def test_what_may_be_on_the_hub_is_taken(overrides: str) -> None:
    assert problems(plan(*overrides.split())) == warnings(plan(*overrides.split())) == []


def test_a_model_that_a_folder_was_made_from_is_no_misspelling(tmp_path: Path) -> None:
    (tmp_path / "bert-base-ft").mkdir()
    (tmp_path / "bert-base-ft" / "config.json").write_text("{}")
    assert problems(plan("model.path=bert-base")) == []


def test_a_model_in_the_cache_is_no_misspelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    assert problems(plan("model.path=tinny"))
    (tmp_path / "hub" / "models--tinny").mkdir(parents=True)
    assert problems(plan("model.path=tinny")) == []


def test_an_id_that_looks_like_a_folder_here_is_warned_about() -> None:
    assert problems(plan("model.path=runs/frist")) == []
    assert "Did you mean 'runs/first'?" in warnings(plan("model.path=runs/frist"))[0]
