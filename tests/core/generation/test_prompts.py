"""The prompts of evaluation sets of every shape that trainers take, and of what they make of them."""

import pytest

from callsheet.generation.prompts import evaluation_sets, given_by, prompts_of, unusable

SAID = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
TWICE = [*SAID, {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]


@pytest.mark.parametrize(
    ("row", "prompt"),
    [
        ({"prompt": "p", "completion": "c"}, "p"),
        ({"prompt": "p", "completion": "c", "input_ids": [1, 2, 3]}, "p"),
        ({"prompt": SAID[:1], "completion": SAID[1:]}, SAID[:1]),
        ({"messages": TWICE}, TWICE[:3]),
        ({"messages": SAID, "input_ids": [1, 2]}, SAID[:1]),
        ({"messages": SAID[1:]}, SAID[1:]),
        ({"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}, SAID[:1]),
        ({"chosen": "one two", "rejected": "one three"}, "one t"),
        ({"chosen": TWICE[:2], "rejected": [SAID[0], {"role": "assistant", "content": "x"}]}, SAID[:1]),
        ({"prompt_ids": [1, 2], "chosen_ids": [3], "rejected_ids": [4]}, [1, 2]),
        ({"input_ids": [1, 2, 3, 4], "labels": [-100, -100, -100, 4]}, [1, 2, 3]),
        ({"input_ids": [1, 2, 3, 4], "completion_mask": [0, 1, 1, 1]}, [1]),
        ({"input_ids": [1, 2, 3, 4], "labels": [1, 2, 3, 4]}, [1, 2]),
        ({"input_ids": [1, 2, 3, 4, 5], "seq_lengths": [2, 3]}, [1]),
        ({"text": "one two three four"}, "one two"),
        ({"text": "abcdef", "input_ids": [1, 2]}, "abc"),
    ],
)
def test_a_row_of_every_shape_gives_its_prompt(row, prompt):
    assert given_by(row)["prompt"] == prompt


def test_an_encoder_gets_all_tokens_whether_labels_are_as_many_or_not():
    rows = [{"input_ids": [1, 2, 3, 4], "labels": labels} for labels in ([5, 6], [5, 6, 7, 8], [-100, 6, 7, 8])]
    assert [one.given["prompt"] for one in prompts_of("eval", rows, 3, is_encoded=True)] == 3 * [[1, 2, 3, 4]]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": ""},
        {"prompt": []},
        {"text": ""},
        {"input_ids": []},
        {"label": 1},
        {"chosen": "a", "rejected": "b"},
        {"prompt": "p", "image": 1},
    ],
)
def test_a_row_without_one_gives_nothing(row):
    assert given_by(row) == {}


def test_tools_and_arguments_of_the_template_come_with_the_prompt():
    more = {"tools": "[]", "chat_template_kwargs": {"a": 1}}
    assert given_by({"messages": SAID, **more, "other": 1}) == {"prompt": SAID[:1], **more}


ROWS = [{"prompt": str(number)} for number in range(10)]


def dataset(rows):
    from datasets import Dataset

    return Dataset.from_list(rows)


def stream(rows):
    return dataset(rows).to_iterable_dataset()


class Mine:
    """A data set as torch knows it."""

    def __len__(self):
        return 10

    def __getitem__(self, place):
        return ROWS[place]


@pytest.mark.parametrize("rows", [ROWS, dataset, stream, Mine()], ids=["list", "dataset", "stream", "torch"])
@pytest.mark.parametrize(("count", "wanted"), [(3, 3), (10, 10), (10_000, 10), (None, 10)])
def test_the_first_prompts_are_taken_and_no_more_than_there_are(rows, count, wanted):
    rows = rows(ROWS) if callable(rows) else rows
    found = prompts_of("eval", rows, count)
    assert [(one.index, one.given["prompt"]) for one in found] == [(number, str(number)) for number in range(wanted)]


@pytest.mark.parametrize("make", [dataset, stream])
def test_fresh_prompts_are_others_at_each_step_and_the_same_after_a_resume(make):
    rows = make([{"prompt": str(number)} for number in range(100)])
    first, again, other = (prompts_of("eval", rows, 5, seed=seed) for seed in (1, 1, 2))
    assert first == again != other and len({one.index for one in first}) == 5
    assert all(one.given["prompt"] == str(one.index) for one in (*first, *other))


def test_where_a_stream_stands_is_left_alone():
    from datasets import IterableDataset

    rows = IterableDataset.from_generator(lambda: iter(ROWS))
    reader = iter(rows)
    next(reader), next(reader)
    before = rows.state_dict()
    prompts_of("eval", rows, 5)
    assert unusable(rows) == "" and rows.state_dict() == before and next(reader) == ROWS[2]


def test_a_stream_without_an_end_is_not_read_to_it():
    from datasets import IterableDataset

    def forever():
        while True:
            yield {"prompt": "p"}

    assert len(prompts_of("eval", IterableDataset.from_generator(forever), None)) == 1000


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "it has no rows"),
        ([{"prompt": "p", "images": [1]}], "only text is sampled"),
        (
            [{"label": 1, "score": 2}],
            "has no prompt, messages, text or input_ids from which to begin; it has label, score",
        ),
        ([(1, 2)], "its rows are no dictionaries, but tuple"),
        ([{"prompt": "p"}], ""),
    ],
)
def test_a_set_without_prompts_says_why(rows, why):
    assert why in unusable(rows) and bool(why) == bool(unusable(rows))


class Trainer:
    eval_dataset = None


def test_there_are_none_one_or_several_sets():
    trainer = Trainer()
    assert evaluation_sets(trainer) == {}
    trainer.eval_dataset = ROWS
    assert evaluation_sets(trainer) == {"eval": ROWS}
    trainer.eval_dataset = {"easy": ROWS, "hard": []}
    assert [*evaluation_sets(trainer)] == ["easy", "hard"]


def test_tensors_and_what_arrow_fills_in_are_plain():
    import torch

    assert given_by({"prompt_ids": torch.tensor([1, 2])}) == {"prompt": [1, 2]}
    filled = [
        {"role": "user", "content": "a", "tool_calls": None},
        {"role": "assistant", "content": None, "tool_calls": [1]},
    ]
    assert given_by({"prompt": filled})["prompt"] == [{"role": "user", "content": "a"}, filled[1]]
