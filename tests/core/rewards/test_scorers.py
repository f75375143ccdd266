"""Scorers: found by their source, imported, and never the end of a run."""

import math
import threading

import pytest

from callsheet.errors import CallsheetError
from callsheet.rewards.scorers import Scorers, scorer_problems

SOURCE = """
import threading
def length(prompt, completion): return len(completion)
def rate(prompt, completion, scale=2.0): return scale
def anything(*texts): return True
def alone(completion): return 1
def wants(prompt, completion, answer): return 1
def named(prompt, completion, *, level): return 1
async def later(prompt, completion): return 1
def text(prompt, completion): return "high"
def nothing(prompt, completion): return None
def nan(prompt, completion): return float("nan")
def raises(prompt, completion): raise ValueError("not " + completion)
def exits(prompt, completion): raise SystemExit(3)
def hangs(prompt, completion): threading.Event().wait()
LIMIT = 3
class Judge: pass
"""


@pytest.fixture
def scoring(tmp_path, monkeypatch):
    (tmp_path / "scoring_of_mine.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    return "scoring_of_mine"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("scoring_of_mine.lenght", "scoring_of_mine has no 'lenght'. Did you mean 'length'?"),
        ("scoring_of_mine.alone", "must be a function scorer(prompt, completion) -> float | int, and it is def alone"),
        ("scoring_of_mine.wants", "must be a function"),
        ("scoring_of_mine.named", "must be a function"),
        ("scoring_of_mine.later", "must be a function"),
        ("scoring_of_mine.Judge", "is a class"),
        ("length", "'length' names no function. Write pkg.module.function."),
        ("no such.function", "names no function"),
        ("package_that_is_not_there.score", "needs the package 'package_that_is_not_there', which is not installed"),
        ("json.there.score", "package 'json' has no module 'json.there'"),
    ],
)
def test_what_is_wrong_is_said_without_importing(scoring, name, said):
    found = scorer_problems([name], "plugins.completions.scorers")
    assert len(found) == 1 and found[0].startswith("plugins.completions.scorers: ") and said in found[0]


def test_what_is_right_passes_and_twice_is_once_too_often(scoring):
    right = [f"{scoring}.{name}" for name in ("length", "rate", "anything")]
    assert scorer_problems(right, "s") == [] and scorer_problems([right[0]] * 2, "s") == [f"s names {right[0]} twice."]


@pytest.mark.parametrize("name", ["LIMIT", "Judge", "gone"])
def test_what_cannot_be_called_is_refused_by_name(scoring, name):
    with pytest.raises(CallsheetError, match=f"scorers.*{name}"):
        Scorers.load([f"{scoring}.{name}"], "scorers")


def test_an_import_that_fails_names_the_setting(tmp_path, monkeypatch):
    (tmp_path / "broken_scoring.py").write_text("raise OSError('as asked')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CallsheetError, match=r"scorers=broken_scoring.score could not be imported: OSError: as asked"):
        Scorers.load(["broken_scoring.score"], "scorers")


def test_numbers_are_kept_and_the_rest_is_counted_and_named(scoring):
    names = ("length", "anything", "text", "nothing", "nan", "raises", "exits")
    scorers = Scorers.load([f"{scoring}.{name}" for name in names], "scorers")
    found = scorers.score([("p", "ab"), ("p", "c")])
    assert found == [{**dict.fromkeys(names), "length": size, "anything": 1} for size in (2, 1)]
    assert scorers.failures == dict.fromkeys(names[2:], 2)
    said = scorers.said()
    assert "Scorer text failed on 2 of 2 completions, first with: it returned text, and no number." in said
    assert (
        "Scorer raises failed on 2 of 2 completions, first with: ValueError: not ab." in said and "SystemExit" in said
    )
    assert "nan, and no number" in said and not any(math.isnan(value or 0) for row in found for value in row.values())


def test_one_that_hangs_is_asked_no_more(scoring):
    scorers = Scorers.load([f"{scoring}.hangs", f"{scoring}.length"], "scorers", seconds=0.05)
    before = threading.active_count()
    assert scorers.score([("p", "ab")]) == scorers.score([("p", "ab")]) == [{"hangs": None, "length": 2}]
    assert threading.active_count() == before + 1 and scorers.gone == {"hangs"}
    assert "Scorer hangs failed on 2 of 2 completions, first with: no answer within 0.05 s." in scorers.said()


def test_scorers_of_one_name_have_numbers(scoring):
    scorers = Scorers.load([f"{scoring}.length", f"{scoring}.length"], "scorers")
    assert [*scorers.functions] == ["length", "length-2"]
