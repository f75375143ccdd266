"""The script that runs one attempt: lines of the site's, then the runner. No value reaches it but as a quoted path."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from callsheet.outbox import Permanent
from callsheet_plugins.benchmarks.dispatch import runner
from callsheet_plugins.benchmarks.dispatch.contract import LOG, run_of
from callsheet_plugins.benchmarks.dispatch.slurm.settings import SlurmSettings, problems

SCRIPT = "job.sh"
RUNNER = "runner.py"
APPENDING = (f"--output={LOG}", "--open-mode=append")  # what Slurm says of the job, in the log that people read


def write(folder: Path, settings: SlurmSettings, options: Sequence[str] = ()) -> Path:
    """Write the script of the attempt in `folder`, with `options` for sbatch at its head, and the runner beside it.

    Raises `Permanent` for a value that cannot stand in it.
    """
    for problem in problems(settings, folder):
        raise Permanent(problem)
    inside = run_of(folder)
    # The node may not see where Callsheet is installed.
    inside.write(folder / RUNNER, Path(runner.__file__).read_bytes())
    inside.write(folder / SCRIPT, "\n".join([*_lines(folder, settings, options), ""]), mode=0o755)
    return folder / SCRIPT


def _lines(folder: Path, settings: SlurmSettings, options: Sequence[str]) -> list[str]:
    command = [*settings.container, settings.interpreter, str(folder / RUNNER), str(folder)]
    return [
        "#!/bin/bash",
        *(f"#SBATCH {_quoted(option)}" for option in options),
        *settings.setup,
        # In place of the shell, so that the runner hears the signals that are meant for the job.
        f"exec {shlex.join(command)}",
    ]


def _quoted(option: str) -> str:
    """As sbatch reads its options in a script: unlike a shell, it takes a backslash for an escape everywhere.

    >>> print(_quoted('--comment=it"s'))
    "--comment=it\\"s"
    """
    escaped = option.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
