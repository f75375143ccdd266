"""A launch on several nodes: whether they will be there, and where they meet."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping

from callsheet.config.plan import Plan
from callsheet.distributed import slurm
from callsheet.distributed.world import world
from callsheet.errors import CallsheetError, counted

ENDPOINT = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})")
LAST_PORT = 65_535
START = "srun --nodes={nodes} --ntasks-per-node=1 callsheet train …"


def problems(plan: Plan, environ: Mapping[str, str] = os.environ) -> tuple[list[str], list[str]]:
    """What stands against `launch.nodes`, and what is only not so yet: a job may be submitted later."""
    wrong, missing = _found(plan, environ)
    later = missing and not _in_job(environ) and shutil.which("sbatch")
    return [*wrong, *([missing] if missing and not later else [])], [missing] if later else []


def require(plan: Plan, environ: Mapping[str, str] = os.environ) -> None:
    """Raise `CallsheetError` unless as many nodes as `launch.nodes` run this command, as far as this one can know."""
    wrong, missing = _found(plan, environ)
    if said := [*wrong, *([missing] if missing else [])]:
        raise CallsheetError("\n".join(said))


def endpoint(plan: Plan, environ: Mapping[str, str] = os.environ) -> str:
    """host:port at which the nodes meet: of each step of each Slurm job another port."""
    return plan.launch.endpoint or f"{slurm.first_node(environ)}:{slurm.port(environ)}"


def _found(plan: Plan, environ: Mapping[str, str]) -> tuple[list[str], str]:
    here, nodes, at = world(environ), plan.launch.nodes, plan.launch.endpoint
    if plan.launch.name == "single" or here.starter not in ("", "srun"):
        return [], ""
    if here.starter == "srun":
        return _of_ranks(plan, environ), ""
    if nodes == 1:
        return [], ""
    if at:
        return ([] if _is_endpoint(at) else [f"launch.endpoint must be HOST:PORT, not '{at}'."]), ""
    return [], _of_drivers(nodes, environ)


def _of_ranks(plan: Plan, environ: Mapping[str, str]) -> list[str]:
    """Where the tasks of srun are the ranks, only numbers that were asked for can be wrong."""
    asked, there = plan.launch.nodes, slurm.step_nodes(environ)
    if asked == there or (asked == 1 and not plan.launch.processes):
        return []
    return [
        f"launch.nodes={asked}, but srun started the tasks of this run on {counted(there, 'node')} "
        f"({slurm.node_list(environ)}). Set launch.nodes={there}, or srun --nodes={asked}."
    ]


def _of_drivers(nodes: int, environ: Mapping[str, str]) -> str:
    if not _in_job(environ):
        return (
            f"launch.nodes={nodes} needs a Slurm job of {nodes} nodes; or, without Slurm, launch.endpoint=HOST:PORT on "
            "one of the nodes, and the same command on each."
        )
    job = f"Slurm job {slurm.job_of(environ)}"
    if (there := slurm.nodes(environ)) < nodes:
        return f"launch.nodes={nodes}, but {job} has {counted(there, 'node')}. Submit it with --nodes={nodes}."
    if not slurm.in_step(environ):
        return ""  # it starts the others
    if (there := slurm.step_nodes(environ)) != nodes or slurm.tasks(environ) != nodes:
        tasks = counted(slurm.tasks(environ), "task")
        return (
            f"launch.nodes={nodes}, but srun started {tasks} on {counted(there, 'node')} of {job}. Start one task on "
            f"each node: {START.format(nodes=nodes)}"
        )
    return ""


def _in_job(environ: Mapping[str, str]) -> bool:
    return bool(slurm.job_of(environ))


def _is_endpoint(written: str) -> bool:
    found = ENDPOINT.fullmatch(written)
    return bool(found) and 0 < int(found[2]) <= LAST_PORT  # type: ignore[index]  # it was found
