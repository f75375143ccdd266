"""torch: names that wrappers give to parameters, the rows of a DTensor, kernels, and an elastic agent's workers."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from callsheet.privates.library import Library, Private

if TYPE_CHECKING:
    from subprocess import Popen

WORKERS = "starts persistent workers without drawing a seed"

LIBRARY = Library(
    "torch",
    read_in="2.13.0",
    source="https://github.com/pytorch/pytorch/blob/v2.13.0",
    names=(
        Private(
            "_checkpoint_wrapped_module", "torch/distributed/algorithms/_checkpoint/checkpoint_wrapper.py", 34,
            "finds a parameter's own name",
        ),
        Private("_orig_mod", "torch/_dynamo/eval_frame.py", 465, "finds a parameter's own name"),
        Private("FSDP_WRAPPED_MODULE", "torch/distributed/fsdp/_common_utils.py", 203, "finds a parameter's own name"),
        Private(
            "compute_local_shape_and_global_offset", "torch/distributed/tensor/_utils.py", 93,
            "finds the rows of a DTensor that a rank has, as torch.distributed.checkpoint does,",
        ),
        Private(
            "LocalElasticAgent._pcontext", "torch/distributed/elastic/agent/server/local_elastic_agent.py", 220,
            "passes signals on to workers, and gives them less time to end,",
        ),
        Private(
            "LocalElasticAgent._start_workers", "torch/distributed/elastic/agent/server/local_elastic_agent.py", 398,
            "learns which worker died first", takes=("worker_group",),
        ),
        Private(
            "SubprocessContext.subprocess_handlers", "torch/distributed/elastic/multiprocessing/api.py", 946,
            "learns which worker died first",
        ),
        Private("DataLoader._iterator", "torch/utils/data/dataloader.py", 429, WORKERS),
        Private("DataLoader._get_iterator", "torch/utils/data/dataloader.py", 433, WORKERS),
        Private(
            "_cuda_load_module", "torch/cuda/_utils.py", 509, "loads a CUDA kernel", takes=("ptx", "kernel_names")
        ),
        Private(
            "_CudaKernel.__call__", "torch/cuda/_utils.py", 369, "launches a CUDA kernel",
            takes=("grid", "block", "args"),
        ),
        Private(
            "PContext.close", "torch/distributed/elastic/multiprocessing/api.py", 649,
            "gives workers less time to end", takes=("death_sig", "timeout"),
        ),
    ),
)  # fmt: skip

WRAPPERS = ("_checkpoint_wrapped_module.", "_orig_mod.", "_fsdp_wrapped_module.")


def offset_of(parameter: Any) -> tuple[int, ...]:
    """Where in the whole parameter the part of a DTensor begins that this rank has, dimension by dimension."""
    from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

    place = compute_local_shape_and_global_offset(parameter.shape, parameter.device_mesh, parameter.placements)
    return tuple(place[1])


def start_persistent_workers(loader: Any) -> None:
    """Start the workers of a `DataLoader` that keeps them, unless they are at work; this draws a random number."""
    if loader._iterator is None:
        loader._iterator = loader._get_iterator()


def load_kernel(code: bytes, name: str) -> Any:
    """The kernel `name` of CUDA machine code, for the device that is current; call it with `grid`, `block`, `args`."""
    from torch.cuda._utils import _cuda_load_module

    loaded: Any = _cuda_load_module(code, [name])
    return loaded[name]


@cache
def agent_class() -> type[Any]:
    """torch's agent, which also knows its workers, remembers who died first, and gives the others `grace` seconds.

    `start_processes` is public, but one node alone: it brings no store that workers on several nodes could meet at,
    and its context, too, waits for 30 seconds and forgets who died first.
    """
    from torch.distributed.elastic.agent.server.local_elastic_agent import LocalElasticAgent

    class Agent(LocalElasticAgent):
        def __init__(self, spec: Any, logs: Any, grace: float) -> None:
            super().__init__(spec, logs)
            self.rendezvous = spec.rdzv_handler
            self.grace = grace
            self.died_first: list[tuple[int, int, int]] = []  # rank, process id, exit code

        def processes(self) -> dict[int, Popen[bytes]]:
            """The workers by their local rank, those that have ended among them."""
            context: Any = self._pcontext
            return {local: handler.proc for local, handler in context.subprocess_handlers.items()} if context else {}

        def leave_rendezvous(self) -> None:
            """Stop the thread that tells other nodes every five seconds that this one lives; torchrun does, too.

            Python's end catches it now and then inside torch's store, and the process dies of that.
            """
            with suppress(Exception):  # the store was on another node, which has left
                self.rendezvous.shutdown()

        def _start_workers(self, worker_group: Any) -> dict[int, Any]:
            started = super()._start_workers(worker_group)
            context: Any = self._pcontext
            close = context.close
            ranks = {worker.local_rank: worker.global_rank for worker in worker_group.workers}

            def close_soon(death_sig: Any = None, timeout: float = self.grace) -> None:
                processes = self.processes().items()
                dead = [(ranks[local], one.pid, code) for local, one in processes if (code := one.poll())]
                self.died_first = self.died_first or dead
                # The context closes itself when a worker fails, and would then wait for 30 seconds, with
                # `shutdown_timeout` too: torch/distributed/elastic/multiprocessing/api.py, SubprocessContext._poll.
                close(death_sig, min(timeout, self.grace))

            context.close = close_soon
            return started

    return Agent
