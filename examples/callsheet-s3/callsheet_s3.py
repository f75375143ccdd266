"""Ships checkpoints to S3, or wherever else fsspec writes, while training goes on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from callsheet import LogContext, ManifestRow, Plugin, PreflightReport, hookimpl, setting
from callsheet.outbox import Delivery, Handler, Hashes, Permanent, Transient
from callsheet.secrets import secret_in

MODEL = ["*.safetensors", "*.json", "*.jinja", "*.model", "*.txt"]
RESUMING = ["*.pt", "*.pth", "optimizer*", "latest", "callsheet/**/*"]
SHARDED = ["optimizer_*/*", "pytorch_model_fsdp_*/*", "global_step*/*"]  # as FSDP and DeepSpeed save them
NEVER = "training_args.bin"  # holds hub_token in clear
MARKER = "_COMPLETE"
SECRET = re.compile(r"(?<=://)[^@\s]*:\S*(?=@)|(?<=\?)\S+")  # user:password@ and ?signature=…


class S3(Plugin):
    """Ship every checkpoint to `url` without making the training loop wait; s3:// needs the extra `s3`.

    A checkpoint at the other end is whole once it holds `_COMPLETE`, which lists its files with size and sha256. What
    could not be shipped stays in the run's outbox: `callsheet outbox drain RUN` tries again.
    """

    url: str = setting(help="Where checkpoints go, each into a folder of its own, as in s3://bucket/run.")
    include: list[str] = setting(MODEL, help="Patterns of the files that are shipped, from the checkpoint's folder on.")
    optimizer: bool = setting(False, help="Ship what resuming needs, too: optimizer, scheduler, RNG, plugins' state.")

    @hookimpl
    def preflight(self, ctx: LogContext, report: PreflightReport) -> None:
        if problem := _problem_with(self.url):
            report.problem(f"plugins.s3.url={SECRET.sub('***', self.url)} {problem}")
        for pattern in self.include:
            if not pattern or pattern.startswith("/") or ".." in pattern:
                report.problem(f"plugins.s3.include: {pattern!r} is no pattern of files inside a checkpoint.")

    @hookimpl
    def on_checkpoint_complete(self, ctx: LogContext, row: ManifestRow) -> None:
        patterns = self.include + (RESUMING + SHARDED if self.optimizer else [])
        found = {path for pattern in patterns for path in row.path.glob(pattern) if path.is_file()}
        files = {path.relative_to(row.path).as_posix(): path for path in sorted(found) if path.name != NEVER}
        if not files:
            raise FileNotFoundError(f"none of the files of {row.name} matches plugins.s3.include")
        folder = f"{self.url.rstrip('/')}/{row.name}"
        ctx.outbox.put("s3", {"folder": folder, "checkpoint": row.name}, files=files, key=folder)


class Shipping(Handler):
    """Carries a checkpoint out, in the courier, which links its files until they have arrived."""

    parallel = 2

    def deliver(self, job: Delivery) -> Mapping[str, Any]:
        folder = job.payload["folder"]
        if found := secret_in(job.files):
            raise Permanent(f"{folder} is not written: {found}.", "Take the secret out, and save again.")
        try:
            return _ship(job, Hashes(self.run_dir))
        except (PermissionError, FileNotFoundError) as error:
            raise Permanent(f"{folder}: {error}", "Check that it exists and that the credentials may write.") from error
        except OSError as error:
            raise Transient(f"{folder}: {type(error).__name__}: {error}") from error


def _ship(job: Delivery, hashes: Hashes) -> Mapping[str, Any]:
    from fsspec.core import url_to_fs  # type: ignore[import-untyped]  # fsspec ships no types

    store, folder = url_to_fs(job.payload["folder"])
    files = {name: {"size": path.stat().st_size, "sha256": hashes.of(path)} for name, path in job.files.items()}
    marker = json.dumps({"checkpoint": job.payload["checkpoint"], "files": files}, indent=2).encode()
    if store.exists(f"{folder}/{MARKER}"):
        if store.cat_file(f"{folder}/{MARKER}") == marker:
            return {"folder": job.payload["folder"]}  # an earlier attempt was killed before it could say so
        store.rm_file(f"{folder}/{MARKER}")
    for done, (name, path) in enumerate(job.files.items()):
        job.progress(done, len(files))
        with suppress(PermissionError):  # who may write to a bucket need not be allowed to look for it
            store.makedirs(f"{folder}/{name}".rpartition("/")[0], exist_ok=True)
        store.put_file(str(path), f"{folder}/{name}")
    store.pipe_file(f"{folder}/{MARKER}", marker)  # last, so that nobody takes half a checkpoint for a whole one
    return {"folder": job.payload["folder"]}


def _problem_with(url: str) -> str:
    """Why fsspec could not write to `url`, as far as its name tells."""
    from fsspec import get_filesystem_class  # type: ignore[import-untyped]  # fsspec ships no types

    if SECRET.search(url):
        return "holds credentials, which the outbox keeps no copy of; let the store find them in the environment."
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
