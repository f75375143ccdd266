"""A row of completions: what is kept, cut, mended and left out."""

import json

import pytest

from callsheet.completions.rows import LONGEST, LONGEST_CONVERSATION, completion_rows, shortened, text_of

ASKED = [{"role": "user", "content": "2 + 2"}]


def one(**fields):
    rows, odd = completion_rows([{"prompt": "p", "completion": "c", **fields}], 3)
    return rows[0], odd


def test_a_row_has_all_fields_whatever_was_given():
    assert one() == (
        {"step": 3, "source": "eval", "index": 0, "prompt": "p", "completion": "c", "rewards": {}, "scores": {}, "advantage": None},
        {},
    )  # fmt: skip


def test_numbers_are_numbers_and_what_is_none_is_left_out_by_name():
    row, odd = one(index=True, rewards={"a": float("nan"), "b": "high"}, scores=[1], advantage="x", note={"a": (1,)})
    assert (row["index"], row["rewards"], row["scores"], row["advantage"]) == (1, {"a": None}, {}, None)
    assert row["note"] == {"a": [1]}
    assert odd == {"rewards/b": "text", "scores": "a list of 1", "advantage": "text"}


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("text", "text"),
        ({"prompt": "p"}, "one without completion"),
        ({"completion": "c", "prompt": None}, "one without prompt"),
    ],
)
def test_what_is_no_completion_is_left_out(row, what):
    good = {"prompt": "p", "completion": "c"}
    rows, odd = completion_rows([row, good], 1)
    assert [found["completion"] for found in rows] == ["c"] and odd == {"a row": what}


@pytest.mark.parametrize("step", [1.5, "one", [1]])
def test_a_step_that_is_no_whole_number_is_refused(step):
    with pytest.raises(TypeError):
        completion_rows([], step)


def test_a_conversation_is_kept_and_its_answer_becomes_text():
    row, _ = one(prompt=ASKED, completion=[{"role": "assistant", "content": "4"}])
    assert (row["prompt"], row["completion"]) == (ASKED, "4")
    calls = [{"role": "assistant", "content": "", "tool_calls": [{"name": "add"}]}]
    assert json.loads(text_of(calls)) == calls


def test_a_long_text_loses_its_middle_and_says_so():
    row, _ = one(prompt=[{"role": "user", "content": "a" * 1_000_000}], completion="b" * 1_000_000 + "end")
    assert row["completion"].endswith("end") and "[… 900003 characters left out …]" in row["completion"].replace(
        ",", ""
    )
    assert LONGEST < len(row["completion"]) < LONGEST + 100 > len(row["prompt"][0]["content"])
    assert shortened("c" * LONGEST) == "c" * LONGEST


def test_a_long_conversation_becomes_text_that_is_cut():
    row, _ = one(prompt=[{"role": "user", "content": "a" * 60_000}] * 40)
    assert isinstance(row["prompt"], str) and len(row["prompt"]) < LONGEST_CONVERSATION


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("\x00\x1b[31m\r", "\x00\x1b[31m\r"),
        ("<script>alert(1)</script> [/b]", "<script>alert(1)</script> [/b]"),
        ("\ud83d and \ud83d\ude00", "\ufffd and \U0001f600"),
        ("\u2028\u202e", "\u2028\u202e"),
    ],
)
def test_signs_stay_as_the_model_wrote_them_if_a_file_can_hold_them(said, kept):
    row, _ = one(completion=said, prompt=[{"role": "user", "content": said}], scores={said: 1})
    assert (row["completion"], row["prompt"][0]["content"], {*row["scores"]}) == (kept, kept, {kept})
    json.dumps(row, ensure_ascii=False).encode()


def test_secrets_are_blanked_in_every_text():
    secret = "hf_" + "a" * 34
    row, _ = one(
        completion=f"my {secret}", prompt=[{"role": "user", "content": secret}], source=secret, rewards={secret: 1}
    )
    assert secret not in json.dumps(row) and row["completion"] == "my ***"
