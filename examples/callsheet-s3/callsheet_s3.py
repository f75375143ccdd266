"""Ships checkpoints to S3, or wherever else fsspec writes, while training goes on."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any
from urllib.parse import unquote

from callsheet import ArmResult, LogContext, LoopState, ManifestRow, Plugin, Report, RunResult, hookimpl, setting

logger = logging.getLogger("callsheet.s3")

MODEL = ["*.safetensors", "*.json", "*.jinja", "*.model", "*.txt"]
RESUMING = ["*.pt", "*.pth", "optimizer*", "latest", "callsheet/**/*"]
SHARDED = ["optimizer_*/*", "pytorch_model_fsdp_*/*", "global_step*/*"]  # as FSDP and DeepSpeed save them
NEVER = "training_args.bin"  # holds hub_token in clear
MARKER = "_COMPLETE"
FIRST_DELAY_SECONDS = 1.0
SILENT_SECONDS = 5
SECRET = re.compile(r"(?<=://)[^@\s]*:\S*(?=@)|(?<=\?)\S+")  # user:password@ and ?signature=…


class S3(Plugin):
    """Ship every checkpoint to `url` without making the training loop wait; s3:// needs the extra `s3`.

    A checkpoint at the other end is whole once it holds `_COMPLETE`, which lists its files with size and sha256. What
    could not be shipped stays in snapshots/s3 of the run directory, and resuming the run tries again.
    """

    url: str = setting(help="Where checkpoints go, each into a folder of its own, as in s3://bucket/run.")
    include: list[str] = setting(MODEL, help="Patterns of the files that are shipped, from the checkpoint's folder on.")
    optimizer: bool = setting(False, help="Ship what resuming needs, too: optimizer, scheduler, RNG, plugins' state.")
    deadline_seconds: float = setting(600, ge=0, help="How long the run waits for uploads at its end.")
    retries: int = setting(5, ge=0, help="How often a file that failed is tried again, after 1, 2, 4, … seconds.")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._shipper: Shipper | None = None

    @hookimpl
    def preflight(self, ctx: LogContext, report: Report) -> None:
        if problem := _problem_with(self.url):
            report.problem(f"plugins.s3.url={_public(self.url, self.url)} {problem}")
        for pattern in self.include:
            if not pattern or pattern.startswith("/") or ".." in pattern:
                report.problem(f"plugins.s3.include: {pattern!r} is no pattern of files inside a checkpoint.")

    @hookimpl
    def on_run_start(self, ctx: LogContext) -> None:
        self._shipper = Shipper(self.url, ctx.run_dir / "snapshots" / "s3", self.retries)
        self._shipper.start()

    @hookimpl(trylast=True)  # by then the checkpoint holds what other plugins add to it
    def on_checkpoint(self, state: LoopState, row: ManifestRow) -> None:
        patterns = self.include + (RESUMING + SHARDED if self.optimizer else [])
        if self._shipper:
            self._shipper.take(row, {path for pattern in patterns for path in row.path.glob(pattern)})

    @hookimpl
    def on_run_end(self, ctx: LogContext, run_result: RunResult, arm: ArmResult) -> None:
        if self._shipper:
            self._shipper.finish(self.deadline_seconds)


class Shipper(Thread):
    """Uploads snapshots of checkpoints, one after another; `<shelf>/<checkpoint>/<time>/` is one, and whole.

    When Callsheet's outbox lands, this thread goes: `take` then writes an entry, and the courier outlives the run.
    """

    def __init__(self, url: str, shelf: Path, retries: int) -> None:
        super().__init__(name="callsheet-s3", daemon=True)  # a hung upload must not keep the process alive
        self.url, self.shelf, self.retries = url, shelf, retries
        self._names: SimpleQueue[str | None] = SimpleQueue()
        self._stopped = Event()
        for torn in shelf.glob("*/*.part"):
            shutil.rmtree(torn)
        for name in self._left():
            self._names.put(name)

    def take(self, row: ManifestRow, files: set[Path]) -> None:
        """Link `files` of a checkpoint, so that rotation cannot take them away, and queue them."""
        snapshot = self.shelf / row.name / str(time.time_ns())
        part = snapshot.with_suffix(".part")
        part.mkdir(parents=True)
        for path in files:
            if path.is_file() and path.name != NEVER:
                _link(path, part / path.relative_to(row.path))
        part.rename(snapshot)
        self._names.put(row.name)

    def finish(self, seconds: float) -> None:
        """Wait for the uploads, and say what is left."""
        self._names.put(None)
        self.join(min(seconds, SILENT_SECONDS))
        if self.is_alive() and seconds > SILENT_SECONDS:
            logger.warning("Waiting up to %g seconds for the upload of %s.", seconds, ", ".join(self._left()))
            self.join(seconds - SILENT_SECONDS)
        self._stopped.set()
        if left := ", ".join(self._left()):
            where = f"{_public(self.url, self.url)} by now: {left}. It is kept in {self.shelf}"
            logger.warning("Not shipped to %s; resuming this run tries again.", where)

    def run(self) -> None:
        while (name := self._names.get()) and not self._stopped.is_set():
            try:
                self._ship(name)
            except Exception as error:
                said = f"{name} could not be shipped to {self.url}: {type(error).__name__}: {error}"
                logger.warning("%s", _public(said, self.url))

    def _left(self) -> list[str]:
        """The checkpoints that are not shipped, in the order in which they were saved."""
        snapshots = sorted(self.shelf.glob("*/*[0-9]"), key=lambda folder: folder.name)
        return list(dict.fromkeys(folder.parent.name for folder in snapshots))

    def _ship(self, name: str) -> None:
        """Upload the latest snapshot of a checkpoint: a resumed run may have saved the same step again."""
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]  # fsspec ships no types

        snapshots, files = sorted((self.shelf / name).glob("*[0-9]")), {}
        if not snapshots:
            return
        store, root = url_to_fs(self.url)
        folder = f"{root.rstrip('/')}/{name}"
        if self._patiently(store.exists, f"{folder}/{MARKER}"):
            self._patiently(store.rm_file, f"{folder}/{MARKER}")
        for path in sorted(path for path in snapshots[-1].rglob("*") if path.is_file()):
            inside = path.relative_to(snapshots[-1]).as_posix()
            self._patiently(_put, store, path, f"{folder}/{inside}")
            files[inside] = {"size": path.stat().st_size, "sha256": _sha256(path)}
        if not files:
            raise FileNotFoundError("none of its files matches plugins.s3.include")
        # Last, so that nobody takes half a checkpoint for a whole one.
        marker = json.dumps({"checkpoint": name, "files": files}, indent=2).encode()
        self._patiently(store.pipe_file, f"{folder}/{MARKER}", marker)
        for snapshot in snapshots:
            shutil.rmtree(snapshot.rename(snapshot.with_suffix(".part")))  # never half of one under its name
        with suppress(OSError):  # a newer snapshot has come meanwhile
            (self.shelf / name).rmdir()

    def _patiently(self, action: Callable[..., Any], *arguments: Any) -> Any:
        for attempt in range(self.retries):
            try:
                return action(*arguments)
            except Exception:
                if self._stopped.wait(FIRST_DELAY_SECONDS * 2**attempt):
                    raise
        return action(*arguments)


def _problem_with(url: str) -> str:
    """Why fsspec could not write to `url`, as far as its name tells."""
    from fsspec import get_filesystem_class  # type: ignore[import-untyped]  # fsspec ships no types

    protocol, is_url, _ = url.rpartition("::")[2].partition("://")
    if not is_url:
        return "is not a URL; s3://bucket/run and file:///folder/run are."
    try:
        get_filesystem_class(protocol)
    except ValueError:
        return f"has a protocol that fsspec does not know: {protocol!r}."
    except ImportError as error:
        advice = "pip install 'callsheet-s3[s3]'" if protocol in ("s3", "s3a") else error
        return f"needs a package that is not installed: {advice}"
    return ""


def _put(store: Any, source: Path, target: str) -> None:
    with suppress(PermissionError):  # who may write to a bucket need not be allowed to look for it
        store.makedirs(target.rpartition("/")[0], exist_ok=True)
    store.put_file(str(source), target)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, target)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _public(text: str, url: str) -> str:
    """`text` without the secrets in `url`, which errors quote whole or in part."""
    for secret in SECRET.findall(url):
        password = secret.partition(":")[2]
        for form in filter(None, (secret, password, unquote(password))):
            text = text.replace(form, "***")
    return text
