"""huggingface_hub: the HTTP library below it, and its own client, which ours stands in for and gives way to again."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from callsheet.privates.library import Library, Private

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

FILE = "huggingface_hub/utils/_http.py"

LIBRARY = Library(
    "huggingface_hub",
    read_in="2.4.0",
    source="https://github.com/huggingface/huggingface_hub/blob/v2.4.0/src",
    names=(
        Private("default_client_factory", FILE, 341, "gives the library its own client back"),
        Private("UploadInfo", "huggingface_hub/lfs.py", 53, "tells what a file hashes to"),
        Private("hf_request_event_hook", FILE, 283, "keeps offline mode and request numbers", takes=("request",)),
    ),
)


def http_library() -> ModuleType:
    """httpx2 below huggingface_hub 2, httpx below 1: its failures leave as they are. Both may be installed.

    huggingface_hub's own error inherits from the root of that library's errors.
    """
    from huggingface_hub.errors import HfHubHTTPError

    return import_module(HfHubHTTPError.__bases__[0].__module__.partition(".")[0])


def default_client() -> None:
    """Have huggingface_hub use its own client from now on: it can be told another, but not asked which it had."""
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils._http import default_client_factory

    set_client_factory(default_client_factory)


def request_hooks() -> dict[str, list[Any]]:
    """What its own client does to each request: refuse it in offline mode, and number it."""
    from huggingface_hub.utils._http import hf_request_event_hook

    return {"request": [hf_request_event_hook]}


def addition(name: str, path: Path, sha256: str) -> CommitOperationAdd:
    """`path` as the file `name` of a commit; huggingface_hub 1.17 would read it all for the hash, which is known."""
    from huggingface_hub import CommitOperationAdd
    from huggingface_hub.lfs import UploadInfo

    made = CommitOperationAdd(name, b"")
    with path.open("rb") as file:
        sample = file.read(512)
    made.path_or_fileobj = str(path)
    made.upload_info = UploadInfo(size=path.stat().st_size, sample=sample, sha256=bytes.fromhex(sha256))
    return made
