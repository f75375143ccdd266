"""Callbacks are made as they were checked, before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from callsheet.errors import CallsheetError
from callsheet.named_callbacks import load, make_early

from .conftest import BAD, GOOD, plan_of, x


def made(*overrides: str) -> Any:
    named = load(plan_of(*overrides).callbacks)
    make_early(named)
    return named[0].callback


@pytest.mark.parametrize("written", GOOD, ids=" ".join)
def test_what_was_accepted_is_made(written: tuple[str, ...]):
    from transformers import TrainerCallback

    assert isinstance(made(*x(*written)), TrainerCallback)


@pytest.mark.parametrize("written", BAD, ids=" ".join)
def test_what_was_refused_would_not_be_made(written: tuple[str, ...]):
    """Training gives the same answer where nobody checked before."""
    with pytest.raises(CallsheetError):
        made(*x(*written[:-1]))


def test_values_become_what_the_annotations_say():
    from transformers import GenerationConfig

    nested = ["window={first: 1}", "windows=[{first: 1, last: 2}]", "pair=[1,2]", "mode=slow"]
    callback = made(
        *x("my_callbacks.Nested", *nested, "scorers={a: my_callbacks.score}", "generation={max_new_tokens: 8}")
    )
    import my_callbacks  # type: ignore[import-not-found]

    assert callback.window == my_callbacks.Window(1) and callback.windows == [my_callbacks.Window(1, 2)]
    assert (callback.pair, callback.mode) == ((1, 2), my_callbacks.Mode.SLOW)
    assert callback.scorers == {"a": my_callbacks.score}
    assert isinstance(callback.generation, GenerationConfig) and callback.generation.max_new_tokens == 8
    simple = made(*x("my_callbacks.Simple", "n=3", "rate='1e-4'", "where=a/b"))
    assert (simple.rate, simple.where) == (1e-4, Path("a/b"))
    assert made(*x("my_callbacks.ByPosition", "first=1", "third=6")).taken == (1, 2, 6)
    assert made(*x("my_callbacks.Judged", "judge._target_=my_callbacks.Strict", "judge.level=2")).judge.level == 2


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (("my_callbacks.Partial",), "my_callbacks.Partial is not a transformers.TrainerCallback."),
        (("my_callbacks.Fallback", "m=2"), "my_callbacks.Fallback takes no argument 'm'. It takes: n."),
        (("my_callbacks.Picks", "early=2"), "my_callbacks.Picks refuses its arguments: "),
        (("my_callbacks.Judged", "judge.level=2"), "callbacks.x.judge: my_callbacks.Judge"),
    ],
)
def test_what_only_a_run_tells_is_refused_before_anything_is_written(written: tuple[str, ...], said: str):
    with pytest.raises(CallsheetError) as refusal:
        made(*x(*written))
    assert said in str(refusal.value)


def test_a_refusal_by_the_class_says_where():
    class_of = x("my_callbacks.Wrong", "n=-1", "model=null")
    with pytest.raises(
        CallsheetError, match=r"refuses its arguments: n must not be negative \(.*my_callbacks\.py, line \d+\)\.$"
    ):
        made(*class_of)


def test_a_module_that_fails_is_named_with_its_line(tmp_path):
    (tmp_path / "my_failing.py").write_text(
        "from transformers import TrainerCallback\nclass Some(TrainerCallback): ...\n1 / 0\n"
    )
    with pytest.raises(CallsheetError, match=r"could not be imported: ZeroDivisionError: .*my_failing\.py, line 3"):
        made(*x("my_failing.Some"))


def test_callbacks_that_want_the_trainer_wait_for_it():
    named = load(plan_of(*x("my_callbacks.Parts"), "callbacks.y=my_callbacks.Named").callbacks)
    make_early(named)
    assert [one.callback is None for one in named] == [True, False]
    assert list(named[0].wants) == ["trainer", "model", "accelerator", "tokenizer", "processing_class", "ref_model"]
    assert named[1].wants == {}
