"""A generation config by name or as a mapping: what is refused before anything is loaded, and what it becomes."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from callsheet.errors import CallsheetError
from callsheet.generation.settings import doubts, problems, resolved

PLACE = "plugins.completions.generation_config"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"max_new_token": 3}, "has no setting 'max_new_token'. Did you mean 'max_new_tokens'?"),
        ({"temprature": 3}, "Did you mean 'temperature'?"),
        ({"max_new_tokens": 0}, ".max_new_tokens must be a whole number of at least 1, got 0."),
        ({"max_new_tokens": 2.5}, "must be a whole number"),
        ({"max_new_tokens": True}, "must be a whole number"),
        ({"temperature": 0}, ".temperature must be a number above 0, got 0."),
        ({"temperature": "hot"}, "must be a number above 0"),
        ({"top_p": 1.5}, ".top_p must be between 0 and 1, got 1.5."),
        ({"do_sample": 1}, ".do_sample must be true or false, got 1."),
        ({"num_return_sequences": 2}, "cannot be set here: each prompt has one answer"),
        ({"return_dict_in_generate": True}, "cannot be set here"),
        ([1], "must be a name or a mapping"),
        ("", "is empty"),
        ("/nowhere/at/all", "there is no generation_config.json in this folder"),
        ("./here", "there is no generation_config.json"),
    ],
)
def test_what_is_wrong_is_said(given, said):
    found = problems(given, PLACE)
    assert len(found) == 1 and found[0].startswith(PLACE) and said in found[0]


@pytest.mark.parametrize(
    "given", [None, "model", "me/model", "gpt2", {}, {"max_new_tokens": 5, "do_sample": True, "top_k": None}]
)
def test_what_is_right_passes(given):
    assert problems(given, PLACE) == []


def test_what_does_nothing_is_a_doubt():
    assert doubts({"temperature": 0.5, "top_p": 0.9}, PLACE) == [
        f"{PLACE}: temperature, top_p do nothing without do_sample: true."
    ]
    assert doubts({"temperature": 0.5, "do_sample": True}, PLACE) == doubts("model", PLACE) == []


def test_checking_needs_no_torch():
    code = "import sys; from callsheet.generation.settings import problems; problems({'top': 1}, ''); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def model(**config):
    from transformers import GenerationConfig

    return SimpleNamespace(generation_config=GenerationConfig(**config))


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, {"do_sample": False, "max_new_tokens": 64}),
        ({"max_length": 20}, {"do_sample": False, "max_length": 20}),
        ({"do_sample": True, "temperature": 0.5}, {"do_sample": True, "max_new_tokens": 64, "temperature": 0.5}),
        ("model", {"do_sample": True, "max_new_tokens": 64, "top_p": 0.9}),
    ],
)
def test_what_is_not_said_is_greedy_and_64_tokens(given, found):
    assert resolved(given, model(do_sample=True, top_p=0.9), PLACE) == found


def test_a_folder_is_read(tmp_path):
    model(do_sample=True, temperature=0.25, max_new_tokens=7).generation_config.save_pretrained(tmp_path)
    assert problems(str(tmp_path), PLACE) == []
    assert resolved(str(tmp_path), None, PLACE) == {"do_sample": True, "temperature": 0.25, "max_new_tokens": 7}


@pytest.mark.parametrize(
    "given", ["not/there", {"max_new_tokens": 3, "num_beams": 2, "num_beam_groups": 5, "cache_implementation": "none"}]
)
def test_what_transformers_refuses_is_a_sentence(given, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(CallsheetError, match=PLACE):
        resolved(given, None, PLACE)
