"""The settings in which runs differ, by name; what says only where a run lies is none of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

PLACES = ("output_dir", "experiment", "resume", "branch", "hydra", "trainer.args.output_dir", "trainer.args.run_name")
ARGS = "trainer.args."


class Absent:
    """The value of a setting that a run does not have."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = Absent()
ON, OFF = "on", "off"  # of a whole section that some runs have, such as a plugin


def differing(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """By name, the value of each run, `ABSENT` where it has none, of all settings that are not equal in all runs.

    A section that only some have, such as `plugins.bema`, is one setting, on or off; then those follow in which the
    runs that have it differ.
    """
    return {name: values for name, values in _walk("", [*configs]) if name}


def differing_runs(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The same of runs, of which some may have no configuration that can be read: they differ in nothing."""
    known = [place for place, config in enumerate(configs) if config]
    found = differing([configs[place] for place in known])
    return {name: _spread(values, known, len(configs)) for name, values in found.items()}


def _spread(values: Sequence[Any], places: Sequence[int], count: int) -> list[Any]:
    at = dict(zip(places, values, strict=True))
    return [at.get(place, ABSENT) for place in range(count)]


def typed_names(records: Iterable[Mapping[str, Any]]) -> set[str]:
    """The settings that somebody typed for these runs, whose records are given."""
    typed = (str(word) for record in records for word in record.get("overrides") or ())
    return {word.partition("=")[0].lstrip("+~") for word in typed}


def _walk(path: str, values: Sequence[Any]) -> Iterator[tuple[str, list[Any]]]:
    if path in PLACES or all(each == values[0] for each in values[1:]):
        return
    sections = [value for value in values if isinstance(value, Mapping)]
    if not sections or not all(value is ABSENT or isinstance(value, Mapping) for value in values):
        yield path, [*values]
        return
    if len(sections) < len(values):
        yield path, [ON if isinstance(value, Mapping) else OFF for value in values]
    for name in dict.fromkeys(name for section in sections for name in section):
        inner = [value.get(name, ABSENT) if isinstance(value, Mapping) else ABSENT for value in values]
        where = f"{path}.{name}" if path else str(name)
        had = [each for value, each in zip(values, inner, strict=True) if isinstance(value, Mapping)]
        if not all(each == had[0] for each in had[1:]):
            yield from _walk(where, inner)


def short_names(names: Sequence[str], taken: Sequence[str] = ()) -> dict[str, str]:
    """For each dotted name its shortest end that no other has, and none in `taken`.

    An argument of the trainer is known by its name alone; `path` may be that of a model or of data.

    >>> [*short_names(["trainer.args.seed", "dataset.seed", "plugins.bema.lag", "trainer.args.optim"]).values()]
    ['args.seed', 'dataset.seed', 'bema.lag', 'optim']
    """
    ends = Counter(end for name in names for end in _ends(name, 1))
    fewest = {name: 1 if name.startswith(ARGS) else 2 for name in names}
    return {
        name: next((end for end in _ends(name, fewest[name]) if ends[end] == 1 and end not in taken), name)
        for name in names
    }


def _ends(name: str, fewest: int) -> Iterator[str]:
    parts = name.split(".")
    for count in range(min(fewest, len(parts)), len(parts) + 1):
        yield ".".join(parts[-count:])
