"""Errors of the Hub, and of the way there, as the `Transient` and `Permanent` that a handler raises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from callsheet.errors import first_line
from callsheet.outbox import Permanent, Transient
from callsheet.privates.huggingface_hub import http_library

httpx = http_library()

REMEDIES = {
    401: "Set HF_TOKEN to a valid token with write access.",
    403: "Use a token with write access to this repository.",
    404: "Check the name of the repository, and that the token may see it.",
    413: "Publish fewer or smaller files.",
}


@contextmanager
def explained(repo: str, branch: str) -> Iterator[None]:
    """Turn errors of the Hub into `Transient` and `Permanent`."""
    try:
        yield
    except (Transient, Permanent):
        raise
    except Exception as error:
        # During an upload, huggingface_hub wraps the error into a RuntimeError.
        cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
        raise _explanation(cause, f"{repo}@{branch}") from error


def _explanation(error: BaseException, what: str) -> BaseException:
    """`error` as `Transient` or `Permanent`; an unknown error is returned unchanged."""
    if isinstance(error, HfHubHTTPError):
        return _answer(error, what)
    if isinstance(error, OfflineModeIsEnabled):
        return Permanent(f"{what}: HF_HUB_OFFLINE is set.", "Unset it for the run and for a drain.")
    if isinstance(error, FileNotFoundError) or "Invalid metadata" in str(error):
        return Permanent(f"{what}: {error}.")
    if isinstance(error, (httpx.HTTPError, OSError, ValueError)):
        return Transient(f"{what}: {type(error).__name__}: {error}.")
    return error


def _answer(error: HfHubHTTPError, what: str) -> BaseException:
    status = error.response.status_code
    said = first_line(error.server_message or error)
    # 409 and 412: the branch changed meanwhile. Storage refuses an upload that is torn or too late.
    if status in (409, 412) or _is_storage(str(error.response.request.url)):
        return Transient(f"{what}: {status}: {said}.")
    return Permanent(f"{what} was refused with {status}: {said}.", REMEDIES.get(status, ""))


def _is_storage(url: str) -> bool:
    """Whether a request sent the bytes of a file, to the Hub or to its storage."""
    hub = httpx.URL(constants.ENDPOINT).host
    return httpx.URL(url).host != hub or any(word in url for word in ("/lfs/", "multipart", "/verify"))
