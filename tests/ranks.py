"""Several ranks that meet over gloo, forked from the test: a fraction of a second each, where a command takes ten."""

from __future__ import annotations

import os
import pickle
import tempfile
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any


def on_ranks(size: int, work: Callable[[int], Any]) -> list[Any]:
    """What `work(rank)` returned on each of `size` ranks of one process group; raises what one of them raised.

    Nothing that it changes reaches the test, but files do.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pids = [_fork(folder, rank, size, work) for rank in range(size)]
        for pid in pids:
            os.waitpid(pid, 0)
        answers = [_answer(folder / f"{rank}.answer") for rank in range(size)]
    for answer, error in answers:
        if error:
            raise AssertionError(error) from (answer if isinstance(answer, BaseException) else None)
    return [answer for answer, _ in answers]


def _fork(folder: Path, rank: int, size: int, work: Callable[[int], Any]) -> int:
    if pid := os.fork():
        return pid
    try:
        answer = _work(folder, rank, size, work), ""
    except BaseException as error:
        answer = error, traceback.format_exc()
    try:
        content = pickle.dumps(answer)
    except Exception:
        content = pickle.dumps((None, answer[1] or f"{answer[0]!r} cannot be sent"))
    (folder / f"{rank}.answer").write_bytes(content)
    os._exit(0)


def _work(folder: Path, rank: int, size: int, work: Callable[[int], Any]) -> Any:
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)  # the pool of a process that was forked has no threads
    meeting = {"init_method": f"file://{folder}/meeting", "timeout": timedelta(minutes=2)}
    dist.init_process_group("gloo", rank=rank, world_size=size, **meeting)
    return work(rank)


def _answer(path: Path) -> tuple[Any, str]:
    if not path.exists():
        return None, f"rank {path.stem} ended without an answer"
    return pickle.loads(path.read_bytes())  # type: ignore[no-any-return]
