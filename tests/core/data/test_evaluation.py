"""Evaluation sets by name: as people write them, and as preflight refuses them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from callsheet import Plugin, hookimpl
from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.config.schema import DatasetSettings
from callsheet.data import inspect, load, metric_problems
from callsheet.data.evaluation import sets_of
from callsheet.errors import CallsheetError
from callsheet.run.train import check
from callsheet.testing.trainers import ROWS
from core.data.conftest import WANTED


@pytest.fixture(autouse=True)
def _own_files(own_cache: None) -> None:
    for name, count in (("train", 4), ("a", 2), ("b", 3)):
        Path(f"{name}.jsonl").write_text("".join(json.dumps({"text": f"{name} {n}"}) + "\n" for n in range(count)))


def settings(*overrides: str) -> DatasetSettings:
    return make_plan(compose(["model=demo", "plugins=[]", "dataset.path=train.jsonl", *overrides])).dataset


@pytest.mark.parametrize(
    "overrides",
    [
        ("dataset.eval={easy: a.jsonl, hard: b.jsonl}",),
        ("dataset.eval.easy=a.jsonl", "dataset.eval.hard=b.jsonl"),
        ("dataset.eval={easy: {path: a.jsonl}, hard: {path: b.jsonl, split: train}}",),
        ("dataset.eval={easy: a.jsonl, hard: b.jsonl, gone: c.jsonl}", "dataset.eval.gone=null"),
    ],
)
def test_sets_have_the_names_that_they_are_given(overrides: tuple[str, ...]) -> None:
    found = settings(*overrides)
    train, held_out = load(found)

    assert inspect(found, WANTED) == []
    assert isinstance(held_out, dict)
    assert (len(train), {name: len(rows) for name, rows in held_out.items()}) == (4, {"easy": 2, "hard": 3})


def test_a_path_alone_is_one_set_without_a_name() -> None:
    _, held_out = load(settings("dataset.eval=a.jsonl"))

    assert held_out is not None and not isinstance(held_out, dict) and len(held_out) == 2


def test_each_set_is_looked_into_and_may_have_columns_of_its_own() -> None:
    Path("wide.jsonl").write_text('{"text": "a", "id": 1}\n')
    wide = settings("dataset.eval={wide: {path: wide.jsonl, columns: [text]}, gone: c.jsonl, odd: {path: odd.jsonl}}")
    Path("odd.jsonl").write_text('{"txt": "a"}\n')

    gone, odd = inspect(wide, WANTED)

    assert "'c.jsonl' does not exist" in gone and "'odd.jsonl' has the columns txt" in odd


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"easy": 3}, "dataset.eval.easy must be a path, or have one as in {path: a.jsonl}, got 3."),
        ({"easy": {"splt": "x", "path": "a.jsonl"}}, "dataset.eval.easy has no setting 'splt'. Did you mean 'split'?"),
        ({"easy": {"split": "x"}}, "dataset.eval.easy must be a path"),
        ({"train": "a.jsonl"}, "a set cannot be called 'train'"),
        ({"long": "a" * 300}, "dataset.eval holds a name of more than 255 bytes: aaaa"),
        ({"a b": "a.jsonl"}, "'a b' cannot name a set"),
        (["a.jsonl"], "dataset.eval must be a path, or paths by name"),
    ],
)
def test_what_is_no_set_is_refused_without_loading(value: Any, message: str) -> None:
    [problem] = inspect(DatasetSettings(path="train.jsonl", eval=value), WANTED)

    assert message in problem
    with pytest.raises(CallsheetError):
        sets_of(DatasetSettings(path="train.jsonl", eval=value))


def test_a_list_of_sets_is_told_that_sets_have_names() -> None:
    with pytest.raises(
        CallsheetError, match=r"dataset.eval: it takes values by name, as in {name: value}, and no list"
    ):
        settings("dataset.eval=[a.jsonl,b.jsonl]")


def test_a_second_way_to_evaluate_is_refused() -> None:
    both = inspect(DatasetSettings(path="train.jsonl", eval={"a": "a.jsonl"}, eval_path="b.jsonl"), WANTED)

    assert both == ["dataset.eval_path and dataset.eval are both set; evaluate on one of them."]


@pytest.mark.parametrize(
    ("args", "wrong"),
    [
        ({"load_best_model_at_end": True}, True),
        ({"lr_scheduler_type": "reduce_lr_on_plateau"}, True),
        ({"lr_scheduler_type": "greedy"}, True),
        ({"metric_for_best_model": "eval_loss"}, True),
        ({"metric_for_best_model": "eval_easy_loss", "load_best_model_at_end": True}, False),
        ({"metric_for_best_model": "hard_loss"}, False),
        ({"metric_for_best_model": "eval_bema_hard_loss"}, False),
        ({}, False),
    ],
)
def test_the_best_checkpoint_needs_the_metric_of_a_set(args: dict[str, Any], wrong: bool) -> None:
    several = DatasetSettings(path="train.jsonl", eval={"easy": "a.jsonl", "hard": "b.jsonl"})

    found = [*metric_problems(several, args)]

    assert bool(found) == wrong and all("eval_easy_loss, eval_hard_loss" in said for said in found)
    assert not [*metric_problems(DatasetSettings(path="train.jsonl", eval="a.jsonl"), args)]


@pytest.mark.parametrize("trainer", ROWS)
def test_every_trainer_evaluates_each_set_under_its_name(run_trainer: Callable[..., Any], trainer: str) -> None:
    for name, rows in (("easy", ROWS[trainer][:2]), ("hard", ROWS[trainer][2:6])):
        Path(f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Heard.names = []

    session = run_trainer(
        trainer, "dataset.eval={easy: easy.jsonl, hard: hard.jsonl}", "trainer.args.eval_strategy=steps",
        "trainer.args.eval_steps=2", "trainer.args.per_device_eval_batch_size=2", "finish.evaluate=true",
        "plugins=[]", plugins=[Heard()],
    )  # fmt: skip

    splits = {row["split"]: row for row in session.run_dir.rows("metrics.jsonl")}
    saved = json.loads((session.run_dir.path / "eval_results.json").read_text())
    [row] = [row for row in session.run_dir.rows("events.jsonl") if row["event"] == "data"]
    assert {*splits} == {"train", "easy", "hard"} and Heard.names == ["easy", "hard"] * 2
    assert "eval_easy_loss" in splits["easy"] and {"eval_easy_loss", "eval_hard_loss"} <= saved.keys()
    assert {name: rows["left"] for name, rows in row["evaluation"].items()} == {"easy": 2, "hard": 4}


def test_an_average_is_evaluated_on_each_set_too(run_trainer: Callable[..., Any]) -> None:
    for name, rows in (("easy", ROWS["sft"][:2]), ("hard", ROWS["sft"][2:6])):
        Path(f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Heard.names = []

    run_trainer(
        "sft", "dataset.eval={easy: easy.jsonl, hard: hard.jsonl}", "trainer.args.eval_strategy=steps",
        "trainer.args.eval_steps=2", "plugins=[bema]", "plugins.bema.update_freq=1", "plugins.bema.evaluate_with=both",
        plugins=[Heard()],
    )  # fmt: skip

    assert sorted(Heard.names) == ["bema_easy", "bema_hard", "easy", "hard"]


class Heard(Plugin):
    """Remembers the names of evaluations."""

    names: ClassVar[list[str]] = []

    @hookimpl
    def on_eval(self, eval_name: str) -> None:
        self.names.append(eval_name)


@pytest.mark.parametrize(
    ("plugin", "metric"),
    [("early_stopping", ""), ("hub_revisions", ""), ("early_stopping", "eval_hard_loss"), ("hub_revisions", "eval_hard_loss")],
)  # fmt: skip
def test_a_plugin_that_watches_a_metric_must_name_a_set(plugin: str, metric: str) -> None:
    more = ["plugins.hub_revisions.keep_best=1", "plugins.hub_revisions.keep_last=1"] if "hub" in plugin else []
    overrides = [
        "recipe=demo", f"plugins=[{plugin}]", *more, "dataset.eval_path=null", "dataset.eval={easy: a.jsonl, hard: b.jsonl}",
        *([f"plugins.{plugin}.metric={metric}"] if metric else []), "output_dir=run", "dataset.path=train.jsonl",
    ]  # fmt: skip

    found = check(make_plan(compose(overrides), overrides)).problems

    said = [problem for problem in found if f"plugins.{plugin}.metric=eval_loss names none of the sets" in problem]
    assert bool(said) == (not metric) and all("eval_easy_loss, eval_hard_loss" in problem for problem in said)
