"""Commands of Slurm's, with time-outs, and what their complaints mean."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from callsheet.outbox import Parked, Permanent, Transient
from callsheet_plugins.benchmarks.dispatch.environment import for_slurm
from callsheet_plugins.benchmarks.dispatch.slurm.settings import WHERE

UNREADABLE_OPTIONS = 255  # how sbatch ends when it understands an option or its value not at all
NEVER_ARRIVED = re.compile(r"connect failure|munge encode failed|configuration source", re.IGNORECASE)
MAY_PASS = ""
# What sbatch says, and the settings that it is about. The first that is found decides; what none knows may pass.
COMPLAINTS = (
    (r"contact slurm controller|connection|timed out|munge|authentication|standby mode|temporarily", MAY_PASS),
    (r"zero bytes|MaxSubmit|inactive or drain|not available now", MAY_PASS),
    (r"(Assoc|QOS)(Max|Grp|Min)\w+", "qos, time, gres, cpus and mem"),
    (r"violates accounting/QOS policy", MAY_PASS),  # of several limits, the number of jobs among them
    (r"invalid account", "account"),
    (r"invalid partition|group not permitted to use this partition|default partition", "partition"),
    (r"invalid qos", "qos"),
    (r"generic resource|\bgres\b|\bgpus?\b", "gres"),
    (r"node configuration is not available", "gres, cpus and mem"),
    (r"memory", "mem"),
    (r"time limit|--time\b", "time"),
    (r"invalid node name|--nodelist|--exclude", "nodelist and exclude"),
    (r"processors requested|--cpus-per-task", "cpus"),
    (r"invalid (feature|wckey|license)|reservation|dependency|unrecognized option|invalid option", "options"),
    (r"permission denied|invalid user", "account and partition"),
)


@dataclass(frozen=True)
class Answer:
    """How a command ended and what it said."""

    code: int
    out: str
    said: str

    @property
    def never_arrived(self) -> bool:
        """Whether the controller cannot have heard of it."""
        return self.code != 0 and bool(NEVER_ARRIVED.search(self.said))


def run(argv: Sequence[str], timeout_seconds: float, cwd: str | None = None, variables: Iterable[str] = ()) -> Answer:
    """Run one command, which inherits no variables with secrets but `variables`.

    Raises `Transient` when it takes too long, `Parked` when it is not installed.
    """
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            cwd=cwd,
            env=for_slurm(os.environ, variables),
            stdin=subprocess.DEVNULL,
            timeout=timeout_seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise Transient(f"{argv[0]} did not answer within {timeout_seconds:g} seconds.") from error
    except FileNotFoundError as error:
        raise Parked(f"There is no {argv[0]} on this machine: drain the run on one that has it.") from error
    except OSError as error:
        raise Transient(f"{argv[0]} could not be started: {error}.") from error
    return Answer(done.returncode, _text(done.stdout), _text(done.stderr))


def require(answer: Answer, what: str) -> Answer:
    """`answer`, unless the command failed: then `Transient`, for whatever reason."""
    if answer.code != 0:
        raise Transient(f"{what} failed: {one_line(answer.said) or f'exit code {answer.code}'}.")
    return answer


def refusal(answer: Answer) -> Exception:
    """Why sbatch took no job: `Permanent` for what somebody has to change, `Transient` for all that may pass."""
    said = one_line(answer.said) or f"exit code {answer.code}"
    found = (names for pattern, names in COMPLAINTS if re.search(pattern, said, re.IGNORECASE))
    unknown = "its options" if answer.code == UNREADABLE_OPTIONS else MAY_PASS
    if names := next(found, unknown):
        return Permanent(f"Slurm refuses the job: {said}.", f"Change {WHERE}: {names}.")
    return Transient(f"sbatch took no job: {said}.")


def one_line(said: str) -> str:
    """What a command said, without the name of the command in front of each line."""
    lines = (re.sub(r"^\w+: (error: |fatal: )?", "", line).strip() for line in said.splitlines())
    told = [line.rstrip(".") for line in lines if line and not line.startswith("Try ")]
    return "; ".join(told)[:1000]


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace").strip()
