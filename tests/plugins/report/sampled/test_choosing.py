from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from callsheet_plugins.report.sampled.choosing import LONGEST, Choice, choose


@dataclass
class Kept:
    """Completions as `rows` have them; `read` are the steps that were asked for."""

    of: Mapping[int, Sequence[Mapping[str, Any]]]
    read: list[int] = field(default_factory=list)

    @property
    def steps(self) -> list[int]:
        return [*self.of]

    def rows(self, step: int) -> Sequence[Mapping[str, Any]]:
        self.read.append(step)
        return self.of[step]


def row(prompt: Any = "why?", completion: Any = "so", source: str = "eval", **more: Any) -> dict[str, Any]:
    return {"source": source, "prompt": prompt, "completion": completion, **more}


def shown(choice: Choice) -> dict[str, set[int]]:
    return {source: shelf.steps for source, shelf in choice.shelves.items()}


def test_few_completions_are_all_there():
    choice = choose(Kept({1: [row(), row("how?")], 2: [row()], 3: [row(source="rollouts")]}), 100_000)
    assert shown(choice) == {"eval": {1, 2}, "rollouts": {3}}
    assert [[*asked.answers] for asked in choice.shelves["eval"].prompts.values()] == [[1, 2], [1]]


@pytest.mark.parametrize("budget", [5_000, 20_000, 100_000])
def test_of_many_the_newest_and_the_first_step_are_there_within_the_budget(budget: int):
    many = {step: [row(f"prompt {at}", "x" * 500) for at in range(20)] for step in range(100)}
    choice = choose(Kept(many), budget)
    assert {0, 99} <= choice.shelves["eval"].steps
    assert budget / 3 < choice.characters <= budget


def test_a_text_without_end_leaves_room_for_others():
    choice = choose(Kept({1: [row(completion="x" * 1_000_000), row("how?")], 2: [row()]}), 50_000)
    texts = [
        answer.messages[0].text
        for asked in choice.shelves["eval"].prompts.values()
        for answer in asked.answers.get(1, ())
    ]
    assert len(texts) == 2
    assert max(map(len, texts)) < LONGEST + 100


def test_files_are_not_read_once_the_page_is_full():
    kept = Kept({step: [row(f"prompt {at}", "x" * 2_000) for at in range(50)] for step in range(100)})
    choose(kept, 100_000)
    assert len(kept.read) < 10


def test_files_of_many_rows_are_not_all_read():
    kept = Kept({step: [row()] * 10_000 for step in range(1_000)})
    choose(kept, 100_000)
    assert len(kept.read) < 10


def test_numbers_stand_beside_a_completion():
    given = row(rewards={"length": 0.5}, scores={"judge": None, "odd": "text"}, advantage=-1.0)
    choice = choose(Kept({1: [given]}), 10_000)
    (asked,) = choice.shelves["eval"].prompts.values()
    assert asked.answers[1][0].notes == [("length", 0.5), ("judge", None), ("odd", None), ("advantage", -1.0)]


@pytest.mark.parametrize("value", [None, 7, [], {}, [None], {"role": "user"}])
def test_rows_with_fields_of_any_type_are_shown(value: Any):
    names = ("source", "prompt", "completion", "rewards", "scores", "advantage", "index")
    choice = choose(Kept({1: [dict.fromkeys(names, value), {}]}), 10_000)
    assert sum(shelf.shown for shelf in choice.shelves.values()) == 2
