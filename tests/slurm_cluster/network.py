"""Hosts that are namespaces: each has a name, an address and mounts of its own, and a wire to the others."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from .daemons import Daemon

NAMESPACES = ("net", "uts", "mnt")
SUBNET = "10.77.0"
HEAD = "head"
BEGIN_SECONDS = 30


def missing() -> str:
    """Why there can be no such hosts here, or an empty string."""
    if sys.platform != "linux":
        return "only Linux has namespaces"
    bridge = "ip link add name switch type bridge && ip link add name left type veth peer name right"
    try:
        tried = subprocess.run(["unshare", "--net", "--uts", "--mount", "sh", "-c", bridge], capture_output=True)
    except FileNotFoundError:
        return "unshare is not installed"
    return "" if tried.returncode == 0 else f"no network namespaces: {tried.stderr.decode().strip()}"


class Network:
    """A switch in the namespace of `head`, and a wire from it to each of `names`. It goes with its processes."""

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self.folder = folder
        self.addresses = {HEAD: f"{SUBNET}.254"} | {name: f"{SUBNET}.{n}" for n, name in enumerate(names, 1)}
        self._holders = {
            name: Daemon(folder / f"{name}.log", "unshare", "--net", "--uts", "--mount", "sleep", "infinity")
            for name in self.addresses
        }

    def start(self) -> None:
        hosts = self.folder / "hosts"
        hosts.write_text("".join(f"{address} {name}\n" for name, address in self.addresses.items()) + LOCAL)
        for name in self.addresses:
            self._begin(name, hosts)
        self.sh(
            HEAD, f"ip link add switch type bridge && ip addr add {SUBNET}.254/24 dev switch && ip link set switch up"
        )
        for name in [*self.addresses][1:]:
            self.wire(name)

    def wire(self, name: str) -> None:
        """Connect a host with the others."""
        self.sh(HEAD, f"ip link add {name} master switch type veth peer name eth0 netns {self.pid(name)}")
        self.sh(HEAD, f"ip link set {name} up")
        self.sh(name, f"ip addr add {self.addresses[name]}/24 dev eth0 && ip link set eth0 up")

    def cut(self, name: str) -> None:
        """Pull its wire: what is sent to the host or by it is lost without a word."""
        self.sh(HEAD, f"ip link set {name} down")

    def mend(self, name: str) -> None:
        self.sh(HEAD, f"ip link set {name} up")

    def stop(self) -> None:
        for holder in self._holders.values():
            holder.kill()

    def inside(self, name: str) -> tuple[str, ...]:
        """What stands before a command to run it on a host."""
        return ("nsenter", f"--target={self.pid(name)}", "--net", "--uts", "--mount", "--wd=.", "--")

    def sh(self, name: str, script: str) -> None:
        done = subprocess.run([*self.inside(name), "sh", "-c", script], capture_output=True, text=True)
        assert done.returncode == 0, f"{name}: {script}\n{done.stderr}"

    def pid(self, name: str) -> int:
        process = self._holders[name].process
        assert process is not None
        return process.pid

    def _begin(self, name: str, hosts: Path) -> None:
        self._holders[name].start()
        deadline = time.monotonic() + BEGIN_SECONDS
        while not self._is_apart(name):
            assert time.monotonic() < deadline, f"{name} never got namespaces of its own"
            time.sleep(0.005)
        self.sh(name, f"hostname {name} && ip link set lo up && mount --bind {hosts} /etc/hosts")

    def _is_apart(self, name: str) -> bool:
        """Whether the holder has left our namespaces and become `sleep`, whatever else it did before."""
        return Path(f"/proc/{self.pid(name)}/comm").read_text().strip() == "sleep"


LOCAL = "127.0.0.1 localhost\n::1 localhost\n"
