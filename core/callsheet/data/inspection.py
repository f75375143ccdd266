"""Problems of a run's data files, found without `datasets` and before anything is loaded."""

from __future__ import annotations

from pathlib import Path

from callsheet.config.schema import DatasetSettings, SourceSettings, TrainerSettings
from callsheet.data import ordering, streaming
from callsheet.data.columns import check_columns, misfits, missing_columns
from callsheet.data.contents import Contents, look
from callsheet.data.evaluation import is_evaluation
from callsheet.data.files import is_local
from callsheet.data.formats import check_rows
from callsheet.data.sources import check_id, contradiction, sources_of, split_of_file, split_problems
from callsheet.errors import CallsheetError


def inspect(dataset: DatasetSettings, trainer: TrainerSettings) -> list[str]:
    """List the problems of the files of `dataset` for `trainer`, without `datasets`; ids on the Hub are not checked."""
    if problem := contradiction(dataset):
        return [problem]
    try:
        sources = sources_of(dataset)
    except CallsheetError as error:
        return [str(error)]
    problems = [*streaming.problems(dataset, sources, trainer), *ordering.problems(trainer)]
    seen: dict[str, Contents] = {}
    for where, source in sources.items():
        try:
            seen[where] = _checked(where, source)
            missing = missing_columns(seen[where].columns, trainer, source.path)
            problems += missing or _wrong_rows(seen[where], source, trainer)
            if not dataset.streaming:
                problems += ordering.missing_lengths(
                    seen[where].columns, trainer, source.path, evaluates=is_evaluation(where)
                )
        except CallsheetError as error:
            problems.append(str(error))
    drawn = {where: found for where, found in seen.items() if not is_evaluation(where)}
    problems += misfits({where: found.columns for where, found in drawn.items() if found.columns})
    rows = [found.rows for found in drawn.values() if found.rows is not None]
    if len(rows) == len(dataset.mixture or [dataset]) and not dataset.streaming:
        problems += split_problems(dataset, sum(rows))
    return problems


def _checked(where: str, source: SourceSettings) -> Contents:
    """The columns and rows that `source` takes from its file; raises `CallsheetError` if the file does not fit."""
    if not is_local(source.path):
        check_id(source.path)
        return Contents(source.columns, None)
    found = look(source.path)
    if Path(source.path).expanduser().is_file():
        split_of_file(where, source)
    if source.columns and found.columns is not None:
        check_columns(source, found.columns)
    sample = () if "[" in source.split else found.sample
    rows = None if found.rows is None or "[" in source.split else int(found.rows * source.weight)
    return Contents(source.columns or found.columns, rows, sample)


def _wrong_rows(found: Contents, source: SourceSettings, trainer: TrainerSettings) -> list[str]:
    """What training refuses of the first rows, which it loads to look at them. Those of Parquet, whose columns have one
    type, are left to it, and so are rows that a slice of the split may leave out.
    """
    rows = [{name: row[name] for name in found.columns or row} for row in found.sample]
    try:
        check_rows(rows, trainer, source.path)
    except CallsheetError as error:
        return [str(error)]
    return []
