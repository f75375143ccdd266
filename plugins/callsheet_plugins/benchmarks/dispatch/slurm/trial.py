"""Asking Slurm, before training, whether it would take a job with the site's settings."""

from __future__ import annotations

from callsheet.outbox import Parked, Permanent, Transient
from callsheet_plugins.benchmarks.dispatch.slurm import commands
from callsheet_plugins.benchmarks.dispatch.slurm.settings import SlurmSettings, options_of

TIMEOUT_SECONDS = 15.0  # a controller that is down is missed after ten
DOWN = "Requested node configuration is not available"  # so it says, too, of nodes that are down at the moment


def problem_with(settings: SlurmSettings, seconds: float | None) -> tuple[str, str]:
    """A mistake to correct, and what to be warned of; each may be empty. Nothing is submitted."""
    gpus = 1 if settings.gpus is None else settings.gpus
    argv = ["sbatch", "--test-only", *options_of(settings, gpus, seconds), "--wrap=true"]
    try:
        answer = commands.run(argv, TIMEOUT_SECONDS)
    except (Transient, Parked) as error:
        return "", str(error)
    refused = commands.refusal(answer) if answer.code else None
    if isinstance(refused, Permanent) and DOWN not in answer.said:
        return f"{refused} {refused.remedy}", ""
    return "", f"Benchmark jobs may have to wait: {refused}" if refused else ""
