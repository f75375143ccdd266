"""What a site's Slurm wants to be told with every benchmark job."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callsheet.secrets import names_a_secret, secrets_at
from callsheet.settings import setting

WHERE = "plugins.benchmarks.slurm"
SECONDS_TO_CLOSE = 300  # for starting up and writing down, on top of what the job itself may take
OURS = (
    "chdir",
    "job-name",
    "no-requeue",
    "output",
    "parsable",
    "requeue",
    "wait",
    "wrap",
    "array",
    "error",
    "test-only",
)
WORDS = ("partition", "account", "qos", "gres", "time", "mem", "nodelist", "exclude", "export", "python")


@dataclass
class SlurmSettings:
    """The options of `sbatch` for one site, and how the job's own command is started there."""

    partition: str | None = setting(None, help="Where jobs wait; left out, the site's default.")
    account: str | None = setting(None, help="Who pays.")
    qos: str | None = setting(None, help="Quality of service.")
    gres: str | None = setting(
        None,
        help="What to ask for, with {gpus} for their number, as in gpu:a100:{gpus}; left out, gpu:{gpus}; '' none.",
    )
    time: str | None = setting(
        None, help="Time limit as sbatch takes it, 02:00:00; left out, five minutes more than `seconds` of the job."
    )
    gpus: int | None = setting(
        None, ge=0, help="GPUs of a job whose benchmark does not say; left out, what the model needs."
    )
    cpus: int | None = setting(None, ge=1, help="CPU cores of a job.")
    mem: str | None = setting(None, help="Memory of a job, such as 64G.")
    nodelist: str | None = setting(None, help="Only on these nodes.")
    exclude: str | None = setting(None, help="Not on these nodes.")
    options: dict[str, Any] = setting(
        {}, help="More options of sbatch by their long names; true for one without a value, a list for several."
    )
    setup: list[str] = setting([], help="Lines of shell that run before the job, as you write them: module load cuda.")
    container: list[str] = setting(
        [], help="Words in front of the job's command: [apptainer, exec, --nv, image.sif]. For pyxis use `options`."
    )
    python: str | None = setting(
        None, help="Python 3.9 or newer that starts the job; left out, this one, and python3 in a container."
    )
    export: str = setting("ALL", help="Environment variables the job inherits: ALL, NONE, or names with commas.")
    timeout_seconds: float = setting(60, gt=0, help="How long one command of Slurm's may take.")
    grace_seconds: float = setting(
        60,
        ge=0,
        help="How long to wait for the file of a job that Slurm says has ended; file systems are slow to tell.",
    )

    @property
    def interpreter(self) -> str:
        return self.python or ("python3" if self.container else sys.executable)


def problems(settings: SlurmSettings, folder: Path) -> Iterator[str]:
    """What is wrong with them, or with working in `folder`, as sentences; asks nobody."""
    if any(mark in str(folder) for mark in "\n\r\\%"):  # Slurm puts numbers in place of %j, and cannot start the job
        yield f"Slurm cannot work in {str(folder)!r}. Choose an output_dir without %, \\ and line breaks."
    for place, kind in secrets_at(WHERE, vars(settings)):
        yield f"{place} holds {kind}, which Slurm shows to all. Name its variable in `variables` of the benchmark."
    for name in (part.partition("=")[0] for part in settings.export.split(",") if "=" in part):
        if names_a_secret(name):
            yield f"{WHERE}.export holds the value of {name}, which everybody may read. Write {name} alone."
    for name in WORDS:
        if _has_line_break(getattr(settings, name)):
            yield f"{WHERE}.{name} holds a line break: {getattr(settings, name)!r}. Write it on one line."
    if any(_has_line_break(word) for word in settings.container):
        yield f"{WHERE}.container holds a line break: {settings.container!r}. Write each word on one line."
    if settings.gres and (unknown := set(re.findall(r"\{(.*?)\}", settings.gres)) - {"gpus"}):
        yield f"{WHERE}.gres={settings.gres!r} refers to {sorted(unknown)[0]!r}; only {{gpus}} can be filled in."
    for name, value in settings.options.items():
        yield from _option_problems(str(name), value)


def options_of(settings: SlurmSettings, gpus: int, seconds: float | None) -> list[str]:
    """The site's options for one job, each as one word `--name=value`."""
    named = {
        "partition": settings.partition,
        "account": settings.account,
        "qos": settings.qos,
        "gres": _gres(settings, gpus),
        "time": settings.time or _minutes(seconds),
        "cpus-per-task": settings.cpus,
        "mem": settings.mem,
        "nodelist": settings.nodelist,
        "exclude": settings.exclude,
        **settings.options,
    }
    return [word for name, value in named.items() for word in _words(name, value)]


def seconds_in(time: str) -> float | None:
    """What a time limit of Slurm's is in seconds; None for what is no number, such as UNLIMITED.

    >>> seconds_in("90"), seconds_in("02:00:00"), seconds_in("1-12"), seconds_in("UNLIMITED")
    (5400.0, 7200.0, 129600.0, None)
    """
    days, dash, rest = time.strip().rpartition("-")
    parts = rest.split(":")
    if len(parts) > 3 or not all(part.isdecimal() and len(part) < 9 for part in [*parts, days or "0"]):
        return None
    units = (3600.0, 60.0, 1.0) if dash or len(parts) == 3 else (60.0, 1.0)
    return int(days or 0) * 86_400.0 + sum(int(part) * unit for part, unit in zip(parts, units, strict=False))


def _words(name: str, value: Any) -> list[str]:
    if value is None or value is False or value == "":
        return []
    if value is True:
        return [f"--{name}"]
    return [f"--{name}={one}" for one in (value if isinstance(value, list) else [value])]


def _gres(settings: SlurmSettings, gpus: int) -> str:
    if settings.gres is not None:
        return settings.gres.replace("{gpus}", str(gpus))
    return f"gpu:{gpus}" if gpus else ""


def _minutes(seconds: float | None) -> int | None:
    return math.ceil((seconds + SECONDS_TO_CLOSE) / 60) if seconds else None


def _has_line_break(value: Any) -> bool:
    return any(mark in str(value) for mark in ("\n", "\r", "\0"))


def _option_problems(name: str, value: Any) -> Iterator[str]:
    where = f"{WHERE}.options.{name}"
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        yield f"{where!r} is no long option of sbatch. Write it without dashes in front: constraint, mail-type."
    elif name in OURS:
        yield f"{where} is set by Callsheet, which finds its jobs by it. Leave it out."
    if _has_line_break(value):
        yield f"{where} holds a line break: {value!r}. Write it on one line."
