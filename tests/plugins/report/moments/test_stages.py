import pytest

from callsheet_plugins.report.gathered import gather
from callsheet_plugins.report.moments.stages import GONE, HERE, Stage, some, stages, usual, web_address

from ..made import BEGAN, at, event_rows, make_run, write_rows


def test_a_checkpoint_that_is_torn_says_why(tmp_path):
    make_run(tmp_path / "run", steps=4, scores=False, checkpoint_every=2)
    torn = {"time": at(3), "event": "torn_checkpoint", "name": "checkpoint-3", "fault": "model.safetensors is missing"}
    write_rows(
        tmp_path / "run" / "events.jsonl", [*event_rows(4, "completed"), torn, {**torn, "name": 7, "fault": None}]
    )
    found = stages(gather([tmp_path / "run"]).runs[0])
    assert [(stage.step, stage.checkpoint, stage.state) for stage in found] == [
        (2, "checkpoint-2", HERE),
        (4, "checkpoint-4", HERE),
        (None, "checkpoint-3", "incomplete: model.safetensors is missing"),
        (None, "7", "incomplete"),
    ]


def test_files_that_are_younger_than_their_run_were_copied_and_tell_no_time(tmp_path):
    make_run(tmp_path / "run", steps=4, scores=False, checkpoint_every=2)  # its times lie in the past
    assert [stage.saved for stage in stages(gather([tmp_path / "run"]).runs[0])] == [None, None]


def test_of_many_some_are_shown_the_newest_and_the_first_among_them():
    many = [
        Stage(step, f"checkpoint-{step}", GONE, weights=weights) for step in range(1_000) for weights in ("raw", "bema")
    ]
    kept = some([*many, Stage(None, "torn", "incomplete")], 50)
    assert len(kept) == 49
    assert {0, 999, None} <= {stage.step for stage in kept}
    assert [stage.step for stage in kept[:-1]] == sorted(stage.step for stage in kept[:-1])


def test_how_long_it_took_is_not_told_where_a_clock_was_set_back():
    stage = Stage(1, "checkpoint-1", GONE, BEGAN + 9, is_published=True, published=BEGAN, scored=BEGAN + 5)
    assert (stage.publishing, stage.scoring) == (None, 5)
    assert usual([None, 1, 2, 9]) == (2, 9)
    assert usual([None]) is None


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:text/html,x",
        "//host/a",
        "http:///a",
        "https://[",
        "",
        "\x01https://a",
    ],
)
def test_only_an_address_of_the_web_is_a_link(url: str):
    assert web_address(url) == ""
    assert web_address("https://huggingface.co/me/demo/tree/abc")
