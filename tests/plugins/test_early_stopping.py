"""early_stopping: patience, what counts as better, and what a wrong metric says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from callsheet import CallsheetError, EvalResult, LogContext, LoopState, ManifestRow
from callsheet_plugins.early_stopping import EarlyStopping

NAN = float("nan")


class Loop:
    """Evaluates as told, and remembers which requests to stop came of it."""

    def __init__(self, plugin: EarlyStopping) -> None:
        self.plugin = plugin
        self.reasons: list[str] = []
        self.state = LoopState(LogContext(Path()), lambda kind, reason: self.reasons.append(reason), lambda *a: None)
        plugin.on_train_start(self.state)

    def evaluate(self, *values: float, metric: str = "eval_loss", name: str = "eval") -> None:
        for value in values:
            self.state.step += 1
            self.plugin.on_eval(self.state, self.state.step, name, {metric: value, "eval_runtime": 1.0})


def stops_after(plugin: EarlyStopping, values: list[float]) -> int | None:
    loop = Loop(plugin)
    for count, value in enumerate(values, start=1):
        loop.evaluate(value, metric=plugin.metric)
        if loop.reasons:
            return count
    return None


@pytest.mark.parametrize(
    ("settings", "values", "expected"),
    [
        ({}, [3, 2, 1, 0.5, 0.4, 0.3], None),
        ({}, [3, 2, 2, 2, 2], 5),
        ({}, [3, 4, 4, 2, 4, 4, 4], 7),
        ({"patience": 1}, [3, 2, 2.5], 3),
        ({"min_delta": 0.1}, [1.0, 0.95, 0.92, 0.91], 4),
        ({"min_delta": 0.1}, [1.0, 0.95, 0.85, 0.84, 0.83], None),
        ({"greater_is_better": True, "metric": "eval_accuracy"}, [0.1, 0.2, 0.3, 0.4], None),
        ({"greater_is_better": True, "metric": "eval_accuracy"}, [0.4, 0.3, 0.2, 0.1], 4),
        ({}, [2, NAN, NAN, NAN], 4),
        ({}, [NAN, NAN, NAN], 3),
        ({}, [NAN, 2, 1, 0.5, 0.4], None),
        ({}, [float("inf"), 5, 4, 3], None),
    ],
)
def test_it_stops_after_patience_evaluations_without_improvement(
    settings: dict[str, Any], values: list[float], expected: int | None
) -> None:
    assert stops_after(EarlyStopping(**settings), values) == expected


def test_the_reason_names_metric_best_and_patience() -> None:
    loop = Loop(EarlyStopping(patience=2))
    loop.evaluate(1.23456, 2, 2)
    assert loop.reasons == ["eval_loss has not improved on 1.235 for 2 evaluations"]


def test_a_training_run_stops(run_demo: Callable[..., Any]) -> None:
    session = run_demo(
        "plugins=[early_stopping]",
        "plugins.early_stopping.min_delta=100",
        "plugins.early_stopping.patience=1",
        "trainer.args.eval_steps=1",
    )
    assert session.result.status == "stopped"
    assert session.state.step == 2


def test_it_waits_for_the_evaluation_that_another_plugin_adds(run_demo: Callable[..., Any]) -> None:
    schedule = ("plugins.bema.update_after=0", "plugins.bema.update_freq=3")
    averaging = ("plugins=[early_stopping,bema]", "plugins.bema.evaluate_with=both", *schedule)
    settings = ("plugins.early_stopping.metric=eval_bema_loss", "plugins.early_stopping.patience=1")
    session = run_demo(*averaging, *settings)
    assert session.result.status == "completed"
    with pytest.raises(CallsheetError, match="Did you mean 'eval_bema_loss'"):
        run_demo(*averaging, "plugins.early_stopping.metric=eval_bema_los", output_dir="misspelt")


def test_an_unknown_metric_names_those_there_are() -> None:
    loop = Loop(EarlyStopping(metric="eval_los"))
    with pytest.raises(
        CallsheetError, match=r"'eval_los'\. Did you mean 'eval_loss'\? It has: eval_loss, eval_runtime"
    ):
        loop.evaluate(1.0)


def test_other_data_sets_are_passed_over() -> None:
    loop = Loop(EarlyStopping(metric="eval_b_loss", patience=1))
    loop.state.trainer = SimpleNamespace(eval_dataset={"a": [], "b": []})  # type: ignore[assignment]
    loop.evaluate(1.0, metric="eval_a_loss", name="a")
    loop.evaluate(1.0, 2.0, metric="eval_b_loss", name="b")
    assert len(loop.reasons) == 1


def test_a_metric_that_no_data_set_has_is_refused() -> None:
    loop = Loop(EarlyStopping(metric="eval_c_loss"))
    loop.state.trainer = SimpleNamespace(eval_dataset={"a": [], "b": []})  # type: ignore[assignment]
    loop.evaluate(1.0, metric="eval_a_loss", name="a")
    with pytest.raises(CallsheetError, match=r"eval_a_loss.*eval_b_loss"):
        loop.evaluate(1.0, metric="eval_b_loss", name="b")


def test_a_resumed_run_goes_on_counting() -> None:
    first = Loop(EarlyStopping(patience=3))
    first.evaluate(1.0, 2.0, 2.0)
    plugin = EarlyStopping(patience=3)
    plugin.load_state_dict(first.plugin.state_dict())
    second = Loop.__new__(Loop)
    second.plugin, second.reasons = plugin, []
    second.state = LoopState(LogContext(Path()), lambda kind, reason: second.reasons.append(reason), lambda *a: None)
    second.state.resumed_from = ManifestRow("checkpoint-3", 3, 0.0, Path())
    plugin.on_train_start(second.state)
    second.evaluate(2.0)
    assert second.reasons == ["eval_loss has not improved on 1 for 3 evaluations"]


def test_a_second_run_starts_counting_anew() -> None:
    plugin = EarlyStopping(patience=1)
    assert stops_after(plugin, [1, 2]) == 2
    assert stops_after(plugin, [3, 2.5]) is None


def test_training_without_evaluation_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    state = LoopState(LogContext(Path()), lambda *a: None, lambda *a: None)
    state.args = SimpleNamespace(eval_strategy="no")  # type: ignore[assignment]
    EarlyStopping().on_train_start(state)
    assert "cannot stop a run without evaluations" in caplog.text


@pytest.mark.parametrize("settings", [{"patience": 0}, {"min_delta": -1.0}, {"min_delta": NAN}])
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(CallsheetError):
        EarlyStopping(**settings)


def test_it_imports_lightly(imports_lightly: Callable[[str], None]) -> None:
    imports_lightly("callsheet_plugins.early_stopping")


def scored(plugin: EarlyStopping, *scores: tuple[int, float], weights: str = "raw") -> list[str]:
    """The reasons to stop that came of a benchmark's scores, in the order of their arrival."""
    loop = Loop(plugin)
    for step, value in scores:
        result = EvalResult("words", {"exact_match": value}, tags={"weights": weights}, step=step)
        plugin.on_benchmark_eval(loop.state.ctx, result, [], step)
    return loop.reasons


@pytest.mark.parametrize(
    ("settings", "scores", "said"),
    [
        ({"patience": 2}, [(1, 0.1), (2, 0.2), (3, 0.3)], None),
        ({"patience": 2}, [(1, 0.1), (2, 0.2), (3, 0.2), (4, 0.1)], "has not improved on 0.2 for 2 evaluations"),
        ({"patience": 2}, [(3, 0.3), (2, 0.2), (1, 0.1)], None),
        ({"patience": 1}, [(1, 0.2), (1, 0.2), (1, 0.2)], None),
        ({"target": 0.9, "patience": 9}, [(1, 0.5), (2, 0.95)], "has reached 0.95, and the target is 0.9"),
        ({"patience": 1, "greater_is_better": False}, [(1, 0.1), (2, 0.2)], "has not improved on 0.1"),
    ],
)
def test_a_benchmark_stops_the_run_by_its_steps_in_order_however_they_arrive(
    settings: dict[str, Any], scores: list[tuple[int, float]], said: str | None
) -> None:
    reasons = scored(EarlyStopping(metric="words/exact_match", **settings), *scores)
    assert (said in reasons[-1]) if said else not reasons


def test_other_weights_and_evaluations_of_the_trainer_do_not_count_for_a_benchmark() -> None:
    plugin = EarlyStopping(metric="words/exact_match", patience=1)
    assert not scored(plugin, (1, 0.2), (2, 0.1), weights="bema")
    Loop(plugin).evaluate(1.0, 2.0)


def test_a_metric_that_a_benchmark_does_not_have_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    scored(EarlyStopping(metric="words/exact_mtch"), (1, 0.2))
    assert "words has no metric 'exact_mtch'. Did you mean 'exact_match'?" in caplog.text


@pytest.mark.parametrize("arrived", [False, True])
def test_a_benchmark_that_never_came_is_warned_about(caplog: pytest.LogCaptureFixture, arrived: bool) -> None:
    plugin = EarlyStopping(metric="words/exact_match")
    scored(plugin, *[(1, 0.2)][: int(arrived)])
    assert plugin._loop
    plugin.on_train_end(plugin._loop, {})
    assert ("early_stopping received no score words/exact_match" in caplog.text) is not arrived


def test_a_run_is_stopped_by_a_benchmark_in_the_loop(run_demo: Callable[..., Any]) -> None:
    session = run_demo(
        "plugins=[exact_match,early_stopping]",
        "plugins.exact_match.every_steps=1",
        "plugins.exact_match.limit=4",
        "plugins.early_stopping.metric=test/exact_match",
        "plugins.early_stopping.patience=2",
    )
    assert session.result.status == "stopped" and session.state.step == 2
