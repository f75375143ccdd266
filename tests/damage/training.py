"""The last probe: a run that is really resumed, and trains a few steps from a checkpoint that was damaged."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import warm

from damage import chosen, pristine
from damage.box import Box, Image
from damage.probes import AGAIN
from damage.trial import Case, Verdict, trial

NAME = "train"


def judge(one: Case, box: Box, deadline: float) -> Verdict:
    """Do the case, whose probe is `train`: the process is forked from one that has loaded torch."""
    return trial(one, box, deadline, _train)


def cases(seed: int, numbers: range, image: Image) -> Iterator[Case]:
    files = sorted(image.files)
    return (Case(chosen.of_checkpoint(seed, number, files), [NAME]) for number in numbers)


def _train(one: Case, box: Box, deadline: float) -> str:
    command = [sys.executable, "-m", "callsheet", "train", *AGAIN, f"output_dir={box.run}"]
    # A home has the caches of libraries, which they write as they please.
    with (box.said / NAME).open("wb") as out:
        try:
            done = warm.run(
                command, cwd=box.cwd, env=pristine.environment(Path.home()), stdout=out, stderr=out, timeout=deadline
            )
        except subprocess.TimeoutExpired:
            return NAME
        finally:
            _end_those_at(box.run)
    code = {"probe": NAME, "code": done.returncode, "open": []}
    (box.said / "report").write_text(json.dumps(code) + "\n", encoding="utf-8")
    return ""


def _end_those_at(run: Path) -> None:
    """A courier and its jobs outlive a run that does not wait for them, and would write into the next one."""
    for about in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if os.fsencode(run) in about.read_bytes() and int(about.parent.name) != os.getpid():
                os.kill(int(about.parent.name), signal.SIGKILL)
