"""A fork of the server on its way to be the Python process that was asked for."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import resource
import runpy
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from warm.environment import OF_THE_HUB, search_path


def become(request: dict[str, Any], descriptors: list[int], made: dict[str, str]) -> None:
    """Run the command as `python` would have: in its folder and environment, with its own streams and arguments."""
    _place(request, descriptors)
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update({**made, **request["environment"]})
    if any(os.environ.get(name) != before.get(name) for name in OF_THE_HUB):
        _read_anew()
    _streams()
    _own()
    _run(request["safe_path"], *request["arguments"])


def _read_anew() -> None:
    """Have the libraries read where the Hub is. They keep it in these modules, and in one object."""
    import datasets.config
    from huggingface_hub import constants, hf_api

    importlib.reload(constants)
    importlib.reload(datasets.config)
    hf_api.api.endpoint = constants.ENDPOINT


def join_group(request: dict[str, Any]) -> None:
    """Be in the session and the process group that were asked for."""
    if request["start_new_session"]:
        os.setsid()
    elif request["process_group"] >= 0:
        os.setpgid(0, request["process_group"])


def _place(request: dict[str, Any], descriptors: list[int]) -> None:
    for number, limits in request["limits"].items():
        resource.setrlimit(int(number), limits)
    os.chdir(request["cwd"])
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    if before := request["before"]:
        _call(*before)


def _call(file: str, name: str) -> None:
    """What `preexec_fn` was, a function of that file; what it imports, the command imports itself."""
    known = {*sys.modules}
    runpy.run_path(file)[name]()
    for module in {*sys.modules} - known:
        del sys.modules[module]


def _streams() -> None:
    """The objects stay, because libraries have kept them; what they write to is another file now."""
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    for stream in (sys.stdout, sys.stderr):
        assert isinstance(stream, io.TextIOWrapper)
        stream.reconfigure(line_buffering=stream is sys.stderr or os.isatty(stream.fileno()), write_through=unbuffered)


def _own() -> None:
    """What each process makes for itself as it starts; Python's own `random` sees to itself."""
    import numpy
    import torch

    numpy.random.seed()
    tempfile.tempdir = None
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0))))


def _run(safe_path: bool, kind: str, *arguments: str) -> None:
    first = None if safe_path else {"-m": os.getcwd(), "-c": ""}.get(kind, os.path.dirname(os.path.abspath(kind)))
    sys.path[:0] = search_path(os.environ, first)
    importlib.invalidate_caches()
    if "PYTHONPATH" in os.environ:
        sys.modules.pop("sitecustomize", None)
        with contextlib.suppress(ImportError):
            importlib.import_module("sitecustomize")
    main = sys.modules["__main__"] = ModuleType("__main__")
    if kind == "-m":
        sys.argv = ["-m", *arguments[1:]]
        runpy._run_module_as_main(arguments[0])  # type: ignore[attr-defined]  # which is what `python -m` calls
    elif kind == "-c":
        sys.argv = ["-c", *arguments[1:]]
        exec(compile(arguments[0], "<string>", "exec"), vars(main))
    else:
        sys.argv = [kind, *arguments]
        main.__file__ = kind
        exec(compile(Path(kind).read_bytes(), kind, "exec"), vars(main))
