"""The drivers of several nodes: how they meet, see that they run the same command, and agree on why the run failed."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from callsheet.config.plan import Plan
from callsheet.distributed import slurm
from callsheet.errors import CallsheetError, counted, listed
from callsheet.launch import nodes
from callsheet.launch.failures import Failure, Weight, first
from callsheet.secrets import redact_override

ATTEMPT = 5.0  # seconds to connect
STORE_SECONDS = 60
LINGER = 5.0  # seconds for the others to read what they were told
LOOK = 0.1
OF_A_NODE = ("output_dir=", "launch.endpoint=")  # may differ: all write where the first process does


class Meeting:
    """The rendezvous of torch's elastic agent, told what the agent does not ask for.

    A node that comes too late, or once too often, restarts nobody, and nobody polls a store that may be gone.
    """

    def __init__(self, plan: Plan, overrides: Sequence[str]) -> None:
        self.plan = plan
        self.host = slurm.node(os.environ)
        self.place, self.hosts = 0, [self.host]
        self.first_heard = False  # whether the driver of rank 0 has told its end, and was told of ours
        self._until = time.monotonic() + plan.launch.wait_seconds
        self._typed = sorted(redact_override(item) for item in overrides if not item.startswith(OF_A_NODE))
        self._handler: Any = None
        self._store: Any = None

    def next_rendezvous(self) -> Any:
        """What the agent calls first. Raises `CallsheetError` where not all nodes came, or not for the same run."""
        from torch.distributed.elastic.rendezvous.api import RendezvousClosedError, RendezvousError

        self._handler, self._store = self._come()
        with suppress(RuntimeError):
            self._store.append("came", f"{self.host} ")
        try:
            met = self._handler.next_rendezvous()
            self._introduce(met.rank, met.world_size)
        except RendezvousClosedError as error:
            raise CallsheetError(f"The nodes that met at {self._at} have ended already.") from error
        except (RendezvousError, RuntimeError) as error:
            raise CallsheetError(self._not_met()) from error
        return met

    def num_nodes_waiting(self) -> int:
        """None: no node joins a run that has begun."""
        return 0

    def get_backend(self) -> str:
        return "c10d"

    def get_run_id(self) -> str:
        return f"callsheet-{slurm.job_of(os.environ)}"

    def shutdown(self) -> bool:
        return self._handler is None or bool(self._handler.shutdown())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handler, name)

    def agreed(self, own: Failure, patience: float) -> Failure:
        """The failure on any node from which `own` followed, once all nodes have told theirs, or time is up."""
        told = {self.place: replace(own, host=self.host)}
        with suppress(RuntimeError, ValueError, TypeError):  # the store is gone with its node, or damaged
            self._store.set(f"end/{self.place}", json.dumps(asdict(told[self.place])))
            self._until_true(lambda: self._hear(told), patience)
            self._part(told)
            self.first_heard = 0 in told
        cause = first(told.values()) or own
        silent = [host for place, host in enumerate(self.hosts) if place not in told]
        return _of_silence(cause, silent) if cause.weight == Weight.LOST_PEER and silent else _located(cause, told)

    @property
    def _at(self) -> str:
        return nodes.endpoint(self.plan)

    def _come(self) -> tuple[Any, Any]:
        """The handler of the rendezvous, and the store behind it, once the node where all meet is there."""
        from torch.distributed import PrefixStore
        from torch.distributed.elastic.rendezvous import RendezvousConnectionError
        from torch.distributed.elastic.rendezvous.c10d_rendezvous_backend import create_backend
        from torch.distributed.elastic.rendezvous.dynamic_rendezvous import create_handler

        hosts = self._is_host()
        if not hosts:
            self._until_there()
        parameters = self._parameters(hosts)
        try:
            backend, store = create_backend(parameters)
        except RendezvousConnectionError as error:
            self._refuse_taken(error)
            raise CallsheetError(self._not_there()) from error
        return create_handler(store, backend, parameters), PrefixStore(f"callsheet/{parameters.run_id}", store)

    def _is_host(self) -> bool:
        """Whether the nodes meet on this one."""
        if not self.plan.launch.endpoint:
            return slurm.is_first_node(os.environ)
        return _is_own_address(self._at.rpartition(":")[0].strip("[]"))

    def _until_there(self) -> None:
        """Wait for the store; torch itself would hear no signal meanwhile, and log at length."""
        host, _, port = self._at.rpartition(":")
        while True:
            try:
                socket.create_connection((host.strip("[]"), int(port)), timeout=ATTEMPT).close()
                return
            except OSError as error:
                if time.monotonic() > self._until:
                    raise CallsheetError(self._not_there()) from error
            time.sleep(LOOK)

    def _parameters(self, hosts: bool) -> Any:
        from torch.distributed.elastic.rendezvous import RendezvousParameters

        # Where a user says where to meet, two "nodes" may be on one machine, and torch finds out which one was first.
        told = {} if hosts and self.plan.launch.endpoint else {"is_host": hosts}
        return RendezvousParameters(
            backend="c10d",
            endpoint=self._at,
            run_id=self.get_run_id(),
            min_nodes=self.plan.launch.nodes,
            max_nodes=self.plan.launch.nodes,
            local_addr=self.host if slurm.in_step(os.environ) else None,
            join_timeout=max(1, round(self._until - time.monotonic())),
            read_timeout=STORE_SECONDS,
            **told,
        )

    def _introduce(self, place: int, size: int) -> None:
        self.place = place
        self._store.set(f"node/{place}", json.dumps({"host": self.host, "typed": self._typed}))
        told = [json.loads(said) for said in self._store.multi_get([f"node/{n}" for n in range(size)])]
        self.hosts = [each["host"] for each in told]
        for each in told:
            if each["typed"] != told[0]["typed"]:
                self._part(range(size))
                raise CallsheetError(_otherwise(told[0], each))

    def _part(self, places: Iterable[int]) -> None:
        """Leave once the others have read what they were told: the store may be this node's."""
        self._store.set(f"heard/{self.place}", "")
        self._until_true(lambda: self._store.check([f"heard/{place}" for place in places]), LINGER)

    def _hear(self, told: dict[int, Failure]) -> bool:
        for place in range(len(self.hosts)):
            if place not in told and self._store.check([f"end/{place}"]):
                told[place] = Failure(**json.loads(self._store.get(f"end/{place}")))
        return len(told) == len(self.hosts)

    def _until_true(self, true: Callable[[], bool], patience: float) -> None:
        deadline = time.monotonic() + patience
        while not true() and time.monotonic() < deadline:
            time.sleep(LOOK)

    def _refuse_taken(self, error: BaseException) -> None:
        if "EADDRINUSE" in str(error.__cause__) or "address already in use" in str(error.__cause__).lower():
            raise CallsheetError(
                f"{self._at}, where the nodes of this run are to meet, belongs to another program. Set "
                f"launch.endpoint={self._at.rpartition(':')[0]}:PORT to a port that is free."
            ) from error

    def _not_there(self) -> str:
        return (
            f"Nobody answered at {self._at}, where the nodes meet, for {self.plan.launch.wait_seconds} seconds. "
            "Does the same command run there, and does a firewall let this node connect?"
        )

    def _not_met(self) -> str:
        came = "those that came cannot be known"
        with suppress(RuntimeError):
            there = sorted(set(self._store.get("came").decode().split()))
            came = f"{counted(len(there), 'node')} came: {listed(there)}"
        return (
            f"launch.nodes={self.plan.launch.nodes}: the nodes did not all come to {self._at} within "
            f"{self.plan.launch.wait_seconds} seconds; {came}. Run the same command on each node, and on no other; "
            "launch.wait_seconds says how long each waits."
        )


def _otherwise(one: dict[str, Any], other: dict[str, Any]) -> str:
    here, there = (
        listed([item for item in a["typed"] if item not in b["typed"]]) for a, b in ((one, other), (other, one))
    )
    return (
        f"The nodes run different commands: {one['host']} has {here or 'nothing more'}, {other['host']} has "
        f"{there or 'nothing more'}. Run the same command on each."
    )


def _of_silence(cause: Failure, silent: list[str]) -> Failure:
    gone = f"{listed(silent)} ended without a word: the machine, or callsheet on it, was killed."
    return replace(cause, message=f"Node {gone} {cause.host} lost its connection to it.", trace="", weight=Weight.DIED)


def _located(cause: Failure, told: dict[int, Failure]) -> Failure:
    """With the name of its node, unless all nodes say the same."""
    if cause.exit_code != 1 and len({failed.message for failed in told.values()}) == 1:
        return cause
    return replace(cause, message=f"On {cause.host}: {cause.message}")


def _is_own_address(host: str) -> bool:
    """Whether this machine has the address: only its own can be bound."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.bind(address)
    except OSError:
        return False
    return True
