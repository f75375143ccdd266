"""Begin a run in Trackio, or find the one that is there; in the tracker's own process."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from callsheet.privates.trackio import Local, Records, Server, config
from callsheet.values import plain
from callsheet_plugins.trackers.trackio import places
from callsheet_plugins.trackers.trackio.sink import TrackioSink

if TYPE_CHECKING:
    from callsheet.tracking import TrackedRun
    from callsheet_plugins.trackers.trackio.places import Place
    from callsheet_plugins.trackers.trackio.plugin import Trackio

TIMEOUT = 15.0


def opened(plugin: Trackio, run: TrackedRun) -> TrackioSink:
    """The sink of `run`. Trackio reads its folder from the environment, when it is imported."""
    place = places.chosen(plugin, os.environ, run.folder)
    if place.folder:
        os.environ["TRACKIO_DIR"] = str(place.folder.absolute())
    if "dir" in run.ids:  # whoever sends late scores may have another environment
        os.environ["TRACKIO_DIR"] = run.ids["dir"]
    project = plugin.project or os.environ.get("TRACKIO_PROJECT") or run.experiment or "callsheet"
    name = plugin.name or run.name
    target = _target(plugin, place, project, name)
    records = Records(project, name, run.run_id, _config(plugin, run))
    return TrackioSink(target, records, _ids(place, project, run))


def _target(plugin: Trackio, place: Place, project: str, name: str) -> Local | Server:
    if place.server_url:
        token = places.write_token(place.server_url, os.environ)
        return Server(place.server_url, hf_token=None, write_token=token, timeout=TIMEOUT)
    if place.space_id:
        return _space(plugin, place.space_id, project, name)
    return Local(project)


def _space(plugin: Trackio, space_id: str, project: str, name: str) -> Server:
    """`trackio.init` makes the Space and its bucket; what it begins beside that is left without rows, and so unseen."""
    import trackio
    from huggingface_hub import get_token

    begun = trackio.init(
        project,
        name=name,
        space_id=space_id,
        private=plugin.private,
        embed=False,
        auto_log_gpu=False,
        auto_log_cpu=False,
    )
    begun.finish()
    return Server(begun.url or space_id, hf_token=get_token(), write_token=None, timeout=TIMEOUT)


def _config(plugin: Trackio, run: TrackedRun) -> dict[str, Any]:
    """Flat, because Trackio's page groups runs by scalars at the top alone."""
    place = {"arm": run.arm, "seed": run.seed, "stage": run.stage, "run_dir": str(run.run_dir)}
    known = {name: value for name, value in place.items() if value is not None}
    return config(plain({**dict(_flat(run.config)), **known}), plugin.group or run.group, run.started)


def _flat(config: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in config.items():
        inner = isinstance(value, Mapping)
        found += _flat(value, f"{prefix}{name}.") if inner else [(f"{prefix}{name}", value)]
    return found


def _ids(place: Place, project: str, run: TrackedRun) -> dict[str, str]:
    ids = {"run_id": run.run_id, "project": project}
    if place.space_id:
        return ids | {"url": f"https://huggingface.co/spaces/{place.space_id}"}
    if place.server_url:
        return ids | {"url": place.server_url.partition("?")[0]}
    folder = str((place.folder or places.default_folder()).absolute())
    shown = f"TRACKIO_DIR={shlex.quote(folder)} trackio show" if place.folder else "trackio show"
    return ids | {"dir": folder, "where": f"{shown} --project {shlex.quote(project)}"}
