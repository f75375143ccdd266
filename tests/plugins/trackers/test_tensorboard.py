"""tensorboard: read back from its event files, as TensorBoard's own pages read them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import metadata, plugin_data_pb2

from callsheet.records import LogContext
from callsheet.tracking import Point, TrackedRun
from callsheet_plugins.trackers.tensorboard import Tensorboard
from plugins.trackers.made import STARTED, completions, late_score, tracked, train


def read(folder: Path) -> Any:
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    return found.Reload()


def steps(folder: Path, name: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in read(folder).Scalars(name)]


def sent(run: TrackedRun, *items: Any, plugin: Tensorboard | None = None) -> Any:
    sink = (plugin or Tensorboard()).open(run)
    for item in items:
        (sink.point if isinstance(item, Point) else sink.rows)(item)
    sink.flush()
    return sink


def settings_of(folder: Path) -> Any:
    content = read(folder).summary_metadata[metadata.SESSION_START_INFO_TAG].plugin_data.content
    return plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info


def test_names_steps_values_and_times_are_those_of_the_run(tmp_path):
    run = tracked(tmp_path)
    sent(run, *map(train, range(1, 6)), Point("eval", 5, STARTED, {"eval/loss": 0.25, "eval/hard/loss": math.nan}))

    assert steps(run.folder, "train/loss") == [(n, pytest.approx(1 / n)) for n in range(1, 6)]
    assert [event.wall_time for event in read(run.folder).Scalars("train/loss")] == [STARTED + n for n in range(1, 6)]
    assert steps(run.folder, "eval/loss") == [(5, 0.25)]
    assert math.isnan(steps(run.folder, "eval/hard/loss")[0][1])


def test_what_no_float32_holds_is_infinity(tmp_path):
    run = tracked(tmp_path)
    sent(run, train(1, big=1e300, small=-math.inf))

    assert steps(run.folder, "train/big") == [(1, math.inf)] and steps(run.folder, "train/small") == [(1, -math.inf)]


def test_a_late_score_of_an_early_step_stands_beside_the_metrics_of_later_ones(tmp_path):
    run = tracked(tmp_path)
    sent(run, *map(train, range(1, 11))).end("completed", {})
    sent(tracked(tmp_path, is_new=False), late_score(4, texts={"bench/gsm8k/note": "late"}))

    assert steps(run.folder, "bench/gsm8k/exact_match") == [(4, 0.5)]
    assert [step for step, _ in steps(run.folder, "train/loss")] == [*range(1, 11)]
    assert read(run.folder).Tensors("bench/gsm8k/note")[0].tensor_proto.string_val == [b"late"]


def test_completions_are_a_table_that_shows_them_as_they_are(tmp_path):
    run = tracked(tmp_path)
    sent(run, completions(2))

    [event] = read(run.folder).Tensors("completions")
    cells = [cell.decode() for cell in event.tensor_proto.string_val]
    assert [dim.size for dim in event.tensor_proto.tensor_shape.dim] == [3, 3] and event.step == 2
    assert cells[:3] == ["prompt", "completion", "rewards/right"]
    assert cells[4].startswith("```\n<script>alert(1)</script> [/b] \x00") and cells[5] == "0.5"


def test_the_first_page_has_loss_reward_kl_length_and_scores(tmp_path):
    run = tracked(tmp_path)
    sent(run)

    [event] = read(run.folder).Tensors("custom_scalars__config__")
    layout = layout_pb2.Layout.FromString(event.tensor_proto.string_val[0])
    charts = {chart.title for category in layout.category for chart in category.chart}
    assert charts >= {"loss", "reward", "KL", "length of completions", "scores, raw and averaged"}


def test_seeds_fold_into_their_arm_and_settings_are_compared(tmp_path):
    run = tracked(tmp_path, arm="wide", seed=2)
    sent(run, plugin=Tensorboard(logdir=str(tmp_path / "logs")))

    folder = tmp_path / "logs" / "it's a sweep" / "wide" / "wide-s2"
    assert settings_of(folder).group_name == "wide"
    assert settings_of(folder).hparams["trainer.args.learning_rate"].number_value == 0.1


def test_after_a_kill_it_lacks_exactly_what_is_not_in_its_files(tmp_path):
    run = tracked(tmp_path)
    sent(run, train(1), train(2), completions(1))
    [file] = run.folder.glob("events*")
    file.write_bytes(file.read_bytes()[:-7])  # a torn record: the table
    again = Tensorboard().open(tracked(tmp_path, is_new=False))

    assert [again.lacks(item) for item in (train(1), train(2), completions(1), train(3))] == [False, False, True, True]


@pytest.mark.parametrize(
    ("logdir", "said"),
    [("", "is empty"), ("s3://bucket/logs", "is no folder"), ("{tmp}/file/logs", "file is no folder")],
)
def test_a_folder_that_cannot_be_one_is_said_before_the_run(tmp_path, logdir, said):
    (tmp_path / "file").touch()
    plugin = Tensorboard(logdir=logdir.format(tmp=tmp_path))

    assert said in " ".join(plugin.problems(LogContext(tmp_path)))
