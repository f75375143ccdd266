"""A checkpoint that lacks the state of a plugin is still a checkpoint, and who resumes from it is told."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from safetensors.torch import load_file

from callsheet import Plugin, hookimpl
from callsheet.errors import CallsheetError, PluginFailure
from callsheet.loop import plugin_state
from callsheet.records import ManifestRow
from callsheet.rundir.checkpoints import survey
from callsheet.rundir.rundir import RunDir

STEPS = ("plugins=[]", "trainer.args.save_steps=1", "trainer.args.max_steps=3")


class Counts(Plugin):
    """Counts steps; once its state holds an object, or cannot be told at all."""

    odd_at: int = 0
    raises_at: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.seen = 0

    @hookimpl
    def on_step_end(self, state: Any) -> None:
        self.seen += 1

    def state_dict(self) -> dict[str, Any]:
        if self.raises_at == self.seen:
            raise RuntimeError("no state")
        return {"seen": self.seen, **({"thing": object()} if self.odd_at == self.seen else {})}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seen = state_dict["seen"]


class Other(Counts):
    """Another plugin, which has nothing to do with it, and is called after it."""

    @hookimpl
    def on_checkpoint(self, row: Any) -> None:
        (row.folder(self) / "seen").write_text(str(self.seen))


@pytest.mark.parametrize(
    ("mistake", "lost"),
    [
        ({"odd_at": 2}, "JSON cannot hold this: thing is an object. The plugin begins anew."),
        ({"raises_at": 2}, "its state_dict failed, or was not called any more. The plugin begins anew."),
    ],
)
def test_a_state_that_ends_the_run_does_not_cost_its_checkpoint(
    run_trainer: Any, caplog: Any, mistake: dict[str, int], lost: str
) -> None:
    whole = run_trainer("sft", *STEPS, output_dir="whole").run_dir
    data = f"dataset.path={whole.path.parent / 'whole.jsonl'}"
    with pytest.raises(PluginFailure, match="Plugin 'counts'"):
        run_trainer("sft", *STEPS, data, plugins=[Counts(on_error="raise", **mistake), Other()])

    resumed = run_trainer("sft", *STEPS, data, plugins=[counts := Counts(on_error="raise"), other := Other()])

    who = "Plugin 'counts' (core.loop.test_plugin_state)"
    assert f"checkpoint-2 does not hold the whole state of {who}, because {lost}" in caplog.text
    events = [*resumed.run_dir.rows("events.jsonl")]
    assert [row["checkpoint"] for row in events if row["event"] == "not_restored"] == ["checkpoint-2"]
    assert [row["plugins"] for row in events if row["event"] == "restored"] == [["other"]]
    assert (counts.seen, other.seen) == (1, 3) and not [row for row in events if row["event"] == "torn_checkpoint"]
    assert [row.step for row in survey(resumed.run_dir)[0]] == [3, 2, 1]
    assert (resumed.run_dir.path / "checkpoint-2" / "callsheet" / "other" / "seen").read_text() == "2"
    one, another = (load_file(run.path / "model.safetensors") for run in (whole, resumed.run_dir))
    assert all(bool((one[name] == another[name]).all()) for name in one)


def test_a_part_that_is_kept_comes_back_where_the_plugin_goes_on_without_the_rest(
    run_trainer: Any, caplog: Any
) -> None:
    run_trainer("sft", *STEPS, "trainer.args.max_steps=2", plugins=[Counts(odd_at=2)])

    run_trainer("sft", *STEPS, plugins=[counts := Counts()])

    assert "thing is an object. It has the rest back." in caplog.text and counts.seen == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("[]", "it is a list, an object is needed"),
        ('{"counts": 3}', "[…] is a whole number, an object is needed"),
        ('{"counts": {"state": [1]}}', "[…].state is a list, an object or null is needed"),
        ("[" * 100_000, "it is nested deeper than 200 levels"),
        (None, "is a FIFO, no regular file"),
    ],
)
def test_states_that_are_none_are_named_and_what_to_do(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "checkpoint-1" / plugin_state.FILE
    path.parent.mkdir(parents=True)
    os.mkfifo(path) if text is None else path.write_text(text)
    session: Any = SimpleNamespace(run_dir=RunDir(tmp_path))
    with pytest.raises(CallsheetError) as error:
        plugin_state.restore(session, ManifestRow("checkpoint-1", 1, 0.0, path.parents[1]))
    assert f"{path}" in str(error.value) and said in str(error.value)
    assert str(error.value).endswith("repair the file, or resume from another one.")


def test_a_state_that_nobody_takes_is_dropped_and_both_resumes_say_so(run_trainer: Any, caplog: Any) -> None:
    """A state of earlier steps is no state of now: who selects the plugin again begins anew, and is told."""

    def run(steps: int, *plugins: Plugin) -> Any:
        caplog.clear()
        return run_trainer("sft", *STEPS[:2], f"trainer.args.max_steps={steps}", *data, plugins=[*plugins])

    data = [f"dataset.path={run_trainer('sft', *STEPS, output_dir='whole').run_dir.path.parent / 'whole.jsonl'}"]
    run(1, Counts(), Other())
    run(2, Other())
    said = "checkpoint-1 holds a state of counts, not selected now: it stays there, and later ones lack it."
    assert caplog.text.count(said) == 1
    run(3, Other())
    assert "counts" not in caplog.text
    resumed = run(4, counts := Counts(), Other())
    assert (
        counts.seen == 1 and "because the run was resumed without it at step 1. The plugin begins anew" in caplog.text
    )
    events = [row for row in resumed.run_dir.rows("events.jsonl") if row["event"] in ("restored", "not_restored")]
    assert [row["plugins"] for row in events if row["event"] == "restored"] == [["other"]] * 3
    assert [row["checkpoint"] for row in events if row["event"] == "not_restored"] == ["checkpoint-1", "checkpoint-3"]
