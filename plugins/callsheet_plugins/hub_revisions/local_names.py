"""The paths of this machine that could stand in the files of a model, so that the courier takes them out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.disk.standing import working_directory
from callsheet.model_files.adapters import BASE
from callsheet.model_files.adapters import CONFIG as ADAPTER
from callsheet.model_files.contents import Damaged, json_of

if TYPE_CHECKING:
    from callsheet.records import LogContext


def base_in(folder: Path) -> str:
    """The model below the adapter in `folder`, as PEFT has written it, or an empty string."""
    try:
        return str(json_of(folder / ADAPTER).get(BASE) or "")
    except Damaged:
        return ""


def local_names(ctx: LogContext, folder: Path) -> list[str]:
    """What the courier must not publish, longest first: paths as they were typed, and the folders of this machine."""
    typed = {text for text in _typed(ctx.run_config) if _exists(text)}
    if is_local(below := base_in(folder)):
        typed.add(below)
    here = working_directory()
    places = {ctx.run_dir, here, Path.home(), *(here / Path(text).expanduser() for text in typed)}
    absolute = {str(place) for place in places} | {str(place.resolve()) for place in places}
    return sorted({*typed, *(path for path in absolute if path != "/")}, key=lambda text: (-len(text), text))


def is_local(text: str) -> bool:
    """Whether `text` names something on this machine, and not on the Hub."""
    return text.startswith(("/", "~", ".")) or _exists(text)


def _exists(text: str) -> bool:
    try:
        return bool(text) and Path(text).expanduser().exists()
    except (OSError, ValueError, RuntimeError):  # too long for a path, or of a user that is not there
        return False


def _typed(config: Mapping[str, Any]) -> Iterator[str]:
    """The settings that may hold a path: every text in these sections."""
    for section in ("model", "dataset"):
        yield from _texts(config.get(section))
    trainer = config.get("trainer") or {}
    yield from _texts([trainer.get("ref_model"), trainer.get("rewards")])


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = [*value.values()]
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, str):
        yield value
