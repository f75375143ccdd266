"""Messages between the server and those who ask it: one JSON object each, with file descriptors."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from typing import Any

LENGTH = 8


def send(channel: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    body = json.dumps(message).encode()
    socket.send_fds(channel, [len(body).to_bytes(LENGTH, "big")], descriptors)
    channel.sendall(body)


def receive(channel: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """The next message. Raises `EOFError` once nobody is left to send one."""
    head, descriptors, _, _ = socket.recv_fds(channel, LENGTH, 16)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    if not head:
        raise EOFError
    return json.loads(_read(channel, int.from_bytes(head, "big"))), descriptors


def _read(channel: socket.socket, size: int) -> bytes:
    body = b""
    while len(body) < size:
        body += channel.recv(size - len(body))
    return body
