"""Where Trackio keeps runs: a folder, a Space or a server, and what is wrong with it before Trackio is imported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from callsheet.disk import os_errors
from callsheet.privates.trackio import refused
from callsheet.secrets import redact_text

if TYPE_CHECKING:
    from callsheet_plugins.trackers.trackio.plugin import Trackio


@dataclass(frozen=True)
class Place:
    """One of the three is set; `folder` None is Trackio's own."""

    space_id: str | None = None
    server_url: str | None = None
    folder: Path | None = None


def chosen(plugin: Trackio, environ: Mapping[str, str], folder: Path) -> Place:
    """Where the settings and the environment send a run; `folder` is its own in the run directory."""
    if plugin.offline:
        return Place(folder=folder)
    if plugin.dir and not (plugin.space_id or plugin.server_url):
        return Place(folder=Path(plugin.dir).expanduser())
    space_id = plugin.space_id or (None if plugin.server_url else environ.get("TRACKIO_SPACE_ID"))
    server_url = None if space_id else plugin.server_url or environ.get("TRACKIO_SERVER_URL")
    own = environ.get("TRACKIO_DIR")
    return Place(space_id or None, server_url or None, Path(own) if own else None)


def problems(plugin: Trackio, project: str, environ: Mapping[str, str]) -> Iterable[str]:
    """What would keep Trackio from logging, in sentences."""
    given = [name for name in ("offline", "space_id", "server_url", "dir") if getattr(plugin, name)]
    if len(given) > 1:
        yield f"plugins.trackio: {' and '.join(given)} each say where runs go. Give one of them."
        return
    if said := refused(project):
        yield f"Trackio takes no project {project!r}: {said}. Set plugins.trackio.project to another name."
    if plugin.server_url and _has_secret(plugin.server_url):
        yield "Trackio takes the token of server_url from the environment: leave it out, and set TRACKIO_WRITE_TOKEN."
        return
    place = chosen(plugin, environ, Path())
    if place.server_url:
        yield from _of_server(place.server_url, environ)
    elif place.space_id:
        yield from _of_space(place.space_id)
    elif not plugin.offline and (refusal := os_errors.unwritable(place.folder or default_folder())):
        yield os_errors.of_setting("plugins.trackio.dir", str(place.folder or default_folder()), refusal)


def default_folder() -> Path:
    """Where Trackio looks when nobody says anything."""
    from huggingface_hub.constants import HF_HOME

    return Path(HF_HOME) / "trackio"


def write_token(server_url: str, environ: Mapping[str, str]) -> str | None:
    """The token that a server asks for: in the URL, as `trackio.show` prints it, or in the environment."""
    in_url = dict(parse_qsl(urlsplit(server_url).query)).get("write_token")
    return in_url or environ.get("TRACKIO_WRITE_TOKEN")


def _of_server(server_url: str, environ: Mapping[str, str]) -> Iterator[str]:
    if not server_url.startswith(("http://", "https://")):
        yield f"Trackio's server_url={server_url!r} is no URL: it begins with neither http:// nor https://."
    elif not write_token(server_url, environ):
        yield f"Trackio's server {redact_text(server_url)} asks for a token: set TRACKIO_WRITE_TOKEN."


def _of_space(space_id: str) -> Iterator[str]:
    from huggingface_hub import get_token

    if not get_token():
        yield f"The Space {space_id!r} of Trackio needs a token of Hugging Face: hf auth login, or set HF_TOKEN."
    if space_id.count("/") > 1 or not all(space_id.split("/")):
        yield f"plugins.trackio.space_id={space_id!r} is no name of a Space, such as me/runs."


def _has_secret(url: str) -> bool:
    return "write_token=" in url or redact_text(url) != url
