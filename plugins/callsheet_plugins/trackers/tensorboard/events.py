"""Events as TensorBoard's pages read them: scalars, texts, tables, the layout of a page, and settings."""

# tensorboard ships no types
# mypy: disable-error-code="import-untyped"
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import metadata as custom_scalar
from tensorboard.plugins.hparams import metadata as hparams
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.plugins.text import metadata as text

from callsheet.tracking import Point, Rows

FINITE = 3.4028235e38  # the largest float32
# The page that is looked at first: titles, and the tags that each chart shows.
LAYOUT: Mapping[str, Mapping[str, Sequence[str]]] = {
    "Training": {
        "loss": [r"^train/loss$", r"^eval/(.+/)?loss$"],
        "learning rate": [r"^train/learning_rate$"],
        "gradient norm": [r"^train/grad_norm$"],
        "accuracy of tokens": [r"^(train|eval)/mean_token_accuracy$"],
    },
    "Reward": {
        "reward": [r"^(train|eval)/(reward|rewards/(chosen|rejected|margins|accuracies))$"],
        "reward by function": [r"^train/rewards/.+/mean$"],
        "KL": [r"^train/(kl|objective/kl)$"],
        "length of completions": [r"^train/completions/(mean|max|min)_length$"],
    },
    "Scores": {"scores, raw and averaged": [r"^bench/.+"]},
}


def scalars(point: Point) -> Event:
    """One event for all numbers and texts of a moment."""
    values = [Summary.Value(tag=name, simple_value=_float32(value)) for name, value in point.values.items()]
    values += [_text(name, [said], [1]) for name, said in point.texts.items()]
    return Event(wall_time=point.time, step=point.step, summary=Summary(value=values))


def table(rows: Rows) -> Event:
    """Rows as a table of the page "Text", with their columns above them."""
    cells = [*rows.columns, *(_verbatim(cell) for row in rows.rows for cell in row)]
    value = _text(rows.name, cells, [len(rows.rows) + 1, len(rows.columns)])
    return Event(wall_time=rows.time, step=rows.step, summary=Summary(value=[value]))


def note(tag: str, step: int, time: float, said: str) -> Event:
    return Event(wall_time=time, step=step, summary=Summary(value=[_text(tag, [said], [1])]))


def layout(time: float) -> Event:
    """The page "Custom Scalars"."""
    categories = [
        layout_pb2.Category(
            title=title,
            chart=[
                layout_pb2.Chart(title=name, multiline=layout_pb2.MultilineChartContent(tag=list(tags)))
                for name, tags in charts.items()
            ],
        )
        for title, charts in LAYOUT.items()
    ]
    content = layout_pb2.Layout(category=categories).SerializeToString()
    metadata = custom_scalar.create_summary_metadata()
    value = Summary.Value(tag=custom_scalar.CONFIG_SUMMARY_TAG, metadata=metadata, tensor=_strings([content], []))
    return Event(wall_time=time, summary=Summary(value=[value]))


def settings(config: Mapping[str, Any], group: str, time: float) -> Event:
    """The settings of the run for the page "HParams", which folds runs of one group."""
    info = plugin_data_pb2.SessionStartInfo(group_name=group, start_time_secs=time)
    for name, value in flat(config):
        if isinstance(value, bool):
            info.hparams[name].bool_value = value
        elif isinstance(value, (int, float)):
            info.hparams[name].number_value = value
        else:
            info.hparams[name].string_value = str(value)
    return _hparams(hparams.SESSION_START_INFO_TAG, time, session_start_info=info)


def ended(status: str, time: float) -> Event:
    known = {"completed": "STATUS_SUCCESS", "stopped": "STATUS_SUCCESS"}.get(status, "STATUS_FAILURE")
    info = plugin_data_pb2.SessionEndInfo(status=known, end_time_secs=time)
    return _hparams(hparams.SESSION_END_INFO_TAG, time, session_end_info=info)


def flat(config: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting that has a value, under its whole name, as in an override."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{above}{name}.")
        elif value is not None:
            yield f"{above}{name}", value


def _hparams(tag: str, time: float, **data: Any) -> Event:
    content = plugin_data_pb2.HParamsPluginData(version=hparams.PLUGIN_DATA_VERSION, **data)
    about = SummaryMetadata(
        plugin_data=SummaryMetadata.PluginData(plugin_name=hparams.PLUGIN_NAME, content=content.SerializeToString())
    )
    value = Summary.Value(tag=tag, metadata=about, tensor=hparams.NULL_TENSOR)
    return Event(wall_time=time, summary=Summary(value=[value]))


def _text(tag: str, said: Sequence[str], shape: Sequence[int]) -> Summary.Value:
    metadata = text.create_summary_metadata(display_name=tag, description="")
    content = [each.encode("utf-8", "replace") for each in said]
    return Summary.Value(tag=tag, metadata=metadata, tensor=_strings(content, shape))


def _strings(content: Sequence[bytes], shape: Sequence[int]) -> TensorProto:
    dims = [TensorShapeProto.Dim(size=size) for size in shape]
    return TensorProto(dtype=DT_STRING, string_val=content, tensor_shape=TensorShapeProto(dim=dims))


def _verbatim(cell: object) -> str:
    """A cell as it is: the page takes text for Markdown, and a completion may be anything."""
    if not isinstance(cell, str):
        return "" if cell is None else str(cell)
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", cell)), 3)
    return f"{fence}\n{cell}\n{fence}" if cell else ""


def _float32(value: float) -> float:
    """`value`, or the infinity that it is as a float32."""
    return value if not abs(value) > FINITE else float("inf") * (1 if value > 0 else -1)
