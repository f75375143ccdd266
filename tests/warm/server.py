"""The server: a program that imports everything once, and then becomes whatever Python process it is asked for.

Each process is forked twice. The one between ends at once, so that the kernel hands its child to whoever asked, who is
the nearest ancestor that adopts orphans (PR_SET_CHILD_SUBREAPER): it can wait for it as for any child of its own.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from typing import Any

from warm import asking, channel
from warm.child import become, join_group
from warm.ending import end
from warm.preload import preload

Request = tuple[dict[str, Any], list[int]]


def main(descriptor: int) -> None:
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the tests
    del sys.path[0], os.environ["OPENBLAS_NUM_THREADS"]  # so far they said where we are, and to start no threads
    before = dict(os.environ)
    read = preload()
    made = {name: value for name, value in os.environ.items() if before.get(name) != value}
    hello = {"read": sorted(read - made.keys()), "environment": before}
    gc.collect()
    gc.freeze()  # memory that no collector touches stays shared with the forks
    asked = socket.socket(fileno=descriptor)
    channel.send(asked, hello)
    request, descriptors = serve(asked)
    while request["workers"]:
        request, descriptors = serve_workers(hello, request, descriptors)
    signal.signal(signal.SIGINT, interrupt)
    end(lambda: become(request, descriptors, made))


def serve(asked: socket.socket) -> Request:
    """Answer requests until nobody asks; returns only in the processes that were asked for."""
    while True:
        try:
            request, descriptors = channel.receive(asked)
        except EOFError:
            os._exit(0)
        adopted, adopting = os.pipe()
        told, telling = os.pipe()
        if between := os.fork():
            pid = int(os.read(told, 20))
            os.waitpid(between, 0)  # its child has another parent now
            _close(adopted, adopting, told, telling, *descriptors)
            channel.send(asked, {"pid": pid})
        elif os.fork():
            os._exit(0)
        else:
            asked.close()
            join_group(request)  # as whoever asked may count on, once it is told
            os.write(telling, str(os.getpid()).encode())
            _close(adopting, told, telling)
            os.read(adopted, 1)
            _close(adopted)
            return request, descriptors


def serve_workers(hello: dict[str, Any], request: dict[str, Any], descriptors: list[int]) -> Request:
    """Leave a server behind for the ranks or workers that this process is about to start."""
    asking_end, asked = socket.socketpair()
    if os.fork():
        asked.close()
        asking.fork_workers(asking.Server(asking_end, hello))
        return {**request, "workers": False}, descriptors
    asking_end.close()
    _close(*descriptors)
    return serve(asked)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
