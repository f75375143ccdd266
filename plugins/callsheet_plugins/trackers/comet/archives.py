"""Comet's archives in the run directory: what a killed process left is closed, and what they hold is read back."""

from __future__ import annotations

import json
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from callsheet.values import dumps

MESSAGES, EXPERIMENT = "messages.json", "experiment.json"  # the files of an archive, which comet_ml reads
UNFINISHED = "unfinished"
STEP_SECONDS = 0.05


def close_left(folder: Path, about: Mapping[str, Any]) -> None:
    """Make an archive of each experiment whose process was killed; a torn last message is left out."""
    for archive in folder.glob("*.zip"):
        if not _messages(archive):  # comet_ml makes one to see whether it can; or it was killed while it wrote
            archive.unlink()
    for data in sorted((folder / UNFINISHED).glob("*/")):
        if (data / MESSAGES).is_file():
            _close(data, folder, about)
        shutil.rmtree(data)


def _close(data: Path, folder: Path, about: Mapping[str, Any]) -> None:
    if any(_messages(archive).startswith(_whole(data / MESSAGES)) for archive in folder.glob("*.zip")):
        return  # it was killed after that
    (data / EXPERIMENT).write_text(dumps(_described(data, about)), encoding="utf-8")
    with zipfile.ZipFile(folder / f"{about['offline_id']}-{data.name}.zip", "w") as archive:
        for file in sorted(data.iterdir()):
            archive.writestr(file.name, _whole(file))


def _described(data: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """What comet_ml writes into an archive when it closes it, as 3.58 does."""
    last = round((data / MESSAGES).stat().st_mtime * 1000)
    return {
        "start_time": last,
        "stop_time": last,
        "resume_strategy": "get_or_create",
        "customer_error_reported": False,
        "customer_error_message": None,
        "user_provided_experiment_key": True,
        "comet_start_sourced": True,
        **about,
    }


def _whole(file: Path) -> bytes:
    content = file.read_bytes()
    return content[: content.rfind(b"\n") + 1] if file.name == MESSAGES else content


def told(folder: Path) -> Iterator[tuple[str, int]]:
    """The names and steps of all values, and the names of all files, that the archives hold."""
    for archive in folder.glob("*.zip"):
        for line in _messages(archive).splitlines():
            about = json.loads(line)["payload"]
            if metric := about.get("metric"):
                yield metric["metricName"], metric["step"]
            elif name := (about.get("additional_params") or {}).get("fileName"):
                yield name, about["additional_params"]["step"]


def _messages(archive: Path) -> bytes:
    if not zipfile.is_zipfile(archive):
        return b""
    with zipfile.ZipFile(archive) as opened:
        return opened.read(MESSAGES) if MESSAGES in opened.namelist() else b""


def written(data: Path, marker: str, alive: Callable[[], bool]) -> bool:
    """Wait until the messages of a running experiment end in `marker`; False when its thread has died."""
    sought = marker.encode()
    while alive():
        with (data / MESSAGES).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - 4096))
            if sought in file.read():
                return True
        time.sleep(STEP_SECONDS)
    return False
