"""The cluster: its configuration, its daemons, and what a test does to it."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from .daemons import Daemon

PROGRAMS = ("sbatch", "srun", "slurmctld", "slurmd", "munged")
UP_SECONDS = 30
GPUS = 8
HOST = socket.gethostname().partition(".")[0]
UP = {"idle", "mixed", "allocated", "completing"}

CONFIGURATION = """\
ClusterName=callsheet
SlurmctldHost={head}
SlurmctldPort={ctld_port}
SlurmdPort={slurmd_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0
SlurmctldTimeout=30
SlurmdTimeout=300
MessageTimeout=4
MinJobAge=300
KillWait=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
SlurmdParameters=config_overrides
NodeName={nodes} CPUs=8 RealMemory=32000 Gres=gpu:{gpus} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES PriorityTier=1 State=UP
PartitionName=urgent Nodes=ALL PriorityTier=10 State=UP
"""


def missing() -> str:
    """Why there can be no Slurm here, or an empty string."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    if absent := [name for name in PROGRAMS if shutil.which(name, path=path) is None]:
        return f"{', '.join(absent)} not installed: apt-get install --no-install-recommends slurm-wlm munge iproute2"
    if os.getuid() != 0:
        return "a Slurm of the tests' own runs only as root"
    return ""


class Cluster:
    """A Slurm of its own: folder, key, socket and ports are shared with no other."""

    head = f"{HOST}(127.0.0.1)"
    names: tuple[str, ...] = (HOST,)
    addresses = "127.0.0.1"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="callsheet-slurm-", dir="/tmp"))  # a socket's path must be short
        self.folder.chmod(0o755)
        self.env = {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf")}
        self.munged, self.controller, *self.nodes = self._daemons()

    def start(self) -> None:
        self._configure()
        self.munged.start()
        self._until("munged listens", (self.folder / "munge" / "socket").exists)
        self.controller.start()
        for node in self.nodes:
            node.start()
        self._until("all nodes are idle", lambda: self._states() == {"idle"})

    def stop(self) -> None:
        """End all jobs, then the daemons; no error when half of it never started."""
        if self.controller.runs and self.jobs():
            self.run("scancel", "--full", "--signal=KILL", f"--user={os.getuid()}")
            self.run("scancel", f"--user={os.getuid()}")
        for daemon in (*self.nodes, self.controller, self.munged):
            daemon.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(
        self, *argv: str, env: Mapping[str, str] | None = None, **options: object
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of Slurm's against this cluster."""
        return subprocess.run(  # type: ignore[call-overload, no-any-return]
            [*self._inside(), *argv],
            capture_output=True,
            text=True,
            timeout=120,
            env={**self.env, **(env or {})},
            **options,
        )

    def clear(self) -> None:
        """End all jobs, and wait until they are gone; bring back what a test took down."""
        if not self.controller.runs:
            self.restart_controller()
        self.revive()
        self.run("scancel", f"--user={os.getuid()}")
        self._until("all jobs are gone", lambda: not self.jobs())

    def jobs(self, *options: str) -> list[str]:
        """The numbers of the jobs that wait or run."""
        return self.run("squeue", "-h", "-o", "%i", *options).stdout.split()

    def restart_controller(self) -> None:
        self.controller.start()
        self._until("the controller answers", lambda: self.run("scontrol", "ping").stdout.strip().endswith("is UP"))

    def revive(self) -> None:
        """Bring the nodes back, if they are down."""
        if self._states() & {"down", "down*", "drained"}:
            self.run("scontrol", "update", f"nodename={','.join(self.names)}", "state=resume")
        self._until("the nodes are back", lambda: self._states() <= UP)

    def _states(self) -> set[str]:
        return {*self.run("sinfo", "-h", "-N", "-p", "main", "-o", "%T").stdout.split()}

    def _inside(self, name: str = "") -> tuple[str, ...]:
        """What stands before a command to run it on a node, or where the controller is."""
        return ()

    def down(self) -> None:
        """Let the node die, as far as the controller knows."""
        self.run("scontrol", "update", f"nodename={HOST}", "state=down", "reason=test")

    def _configure(self) -> None:
        spools = [(f"spool/{name}", 0o755) for name in self.names]
        for name, mode in (("munge", 0o711), ("state", 0o755), ("spool", 0o755), *spools, ("gpus", 0o755)):
            (self.folder / name).mkdir()
            (self.folder / name).chmod(mode)
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        for number in range(GPUS):
            (self.folder / "gpus" / f"gpu{number}").symlink_to(os.devnull)  # Slurm wants a device
        (self.folder / "gres.conf").write_text(
            f"Name=gpu Flags=nvidia_gpu_env File={self.folder}/gpus/gpu[0-{GPUS - 1}]\n"
        )
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=autodetect\n")
        ctld_port, slurmd_port = _free_ports(2)
        (self.folder / "slurm.conf").write_text(
            CONFIGURATION.format(
                head=self.head,
                nodes=f"{','.join(self.names)} NodeAddr={self.addresses}",
                folder=self.folder,
                ctld_port=ctld_port,
                slurmd_port=slurmd_port,
                gpus=GPUS,
            )
        )

    def _daemons(self) -> list[Daemon]:
        munge = self.folder / "munge"
        environment = {**self.env, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
        munged = [f"--socket={munge}/socket", f"--key-file={self.folder}/munge.key", f"--pid-file={munge}/pid"]
        return [
            Daemon(
                self.folder / "munged.log",
                "/usr/sbin/munged",
                "--foreground",
                *munged,
                f"--log-file={munge}/log",
                f"--seed-file={munge}/seed",
                env=environment,
            ),
            Daemon(self.folder / "slurmctld.log", "/usr/sbin/slurmctld", "-D", env=environment, before=self._inside),
            *(
                Daemon(
                    self.folder / f"slurmd-{name}.log",
                    *("/usr/sbin/slurmd", "-D"),
                    env=environment,
                    before=partial(self._inside, name),
                )
                for name in self.names
            ),
        ]

    def _until(self, what: str, condition: object) -> None:
        deadline = time.monotonic() + UP_SECONDS
        while not condition():  # type: ignore[operator]
            if time.monotonic() > deadline:
                raise TimeoutError(f"Not after {UP_SECONDS} s: {what}.\n{self._logs()}")
            time.sleep(0.05)

    def _logs(self) -> str:
        return "\n".join(f"{path.name}\n{path.read_text()[-2000:]}" for path in self.folder.glob("*.log"))


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
