"""The environment of a job: what the user set, without the places of training processes and without others' secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from callsheet.secrets import secret_variables
from callsheet_plugins.benchmarks.dispatch.contract import OF_THE_HUB

# A job that inherited these would believe to be one of the training's ranks, and wait for the others.
PLACES = (
    *("RANK", "LOCAL_RANK", "GROUP_RANK", "ROLE_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE"),
    *("ROLE_WORLD_SIZE", "ROLE_NAME", "MASTER_ADDR", "MASTER_PORT", "CALLSHEET_DRIVER", "OMP_NUM_THREADS"),
)
STARTERS = ("TORCHELASTIC_", "TORCH_NCCL_", "ACCELERATE_", "FSDP_", "PMI_", "PMIX_", "OMPI_")
# What Slurm told the training job about itself, and would take for wishes about the new one.
OF_ANOTHER_JOB = ("SLURM_", "SLURMD_", "SRUN_", "SBATCH_CPU_BIND", "SBATCH_MEM_BIND")
KEPT = ("SLURM_CONF", "SLURM_CLUSTERS")
# These would make sbatch wait for the job, or squeue leave jobs out.
CHANGES_COMMANDS = ("SBATCH_WAIT", "SBATCH_ARRAY_INX", "SBATCH_REQUEUE", "SBATCH_TEST_ONLY", "SQUEUE_", "SACCT_")


def for_job(environ: Mapping[str, str], variables: Iterable[str] = OF_THE_HUB) -> dict[str, str]:
    """`environ` for a process that is to know nothing of the training that it was started beside.

    Of the variables that hold secrets, it gets those that `variables` names, which is `attempt.variables`.
    """
    dropped = (*STARTERS, *OF_ANOTHER_JOB)
    withheld = {*secret_variables(environ)} - {*variables}
    return {
        name: value
        for name, value in environ.items()
        if name in KEPT or not (name in PLACES or name in withheld or name.startswith(dropped))
    }


def for_slurm(environ: Mapping[str, str], variables: Iterable[str] = ()) -> dict[str, str]:
    """`environ` for a command of Slurm's, which hands it on to the job; GPUs are the new job's own."""
    dropped = (*CHANGES_COMMANDS, "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "GPU_DEVICE_")
    return {name: value for name, value in for_job(environ, variables).items() if not name.startswith(dropped)}
