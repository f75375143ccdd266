"""Lanes for the tests of bema on machines without a GPU: they do their jobs as late as a slow stream may."""

import threading
from typing import ClassVar

import torch

from callsheet import Plugin, hookimpl, setting

PATIENCE = 0.05  # seconds after which a stream is done, even if nobody has waited for it


class LateLanes:
    """Stands in for `callsheet_plugins.bema.streams.lanes.Lanes`.

    Weights are read only when work is held for that, or when somebody waits; targets are written later still.
    """

    made: ClassVar = []

    def __init__(self, device, weights, *, is_at_home):
        self.piece, self.was_held = 50, False  # elements: pieces begin and end inside tensors
        self._waiting, self._read, self._lock = [], [], threading.RLock()
        self._held = threading.Event()
        self.made.append(self)

    def run(self, jobs):
        with self._lock:
            self.settle()
            self._waiting = list(jobs)
            self._held.clear()

    def hold(self):
        with self._lock:
            self.was_held = self.was_held or bool(self._waiting)
            self._read += [(job.target, _result(job)) for job in self._waiting]
            self._waiting = []
        self._held.set()

    def join(self):
        self.settle()

    def mark(self):
        return LateMark(self)

    def settle(self):
        with self._lock:
            self.hold()
            for target, result in self._read:
                target.copy_(result)
            self._read = []


class LateMark:
    def __init__(self, lanes):
        self.lanes = lanes

    def is_reached(self):
        return not self.lanes._waiting and not self.lanes._read

    def wait(self):
        self.lanes._held.wait(PATIENCE)
        self.lanes.settle()


def _result(job):
    parts = [part for part in job.weights]
    if job.source is None:
        return torch.cat([part.to(job.target.dtype) for part in parts])
    return job.source.lerp(torch.cat([part.float() for part in parts]), job.share)


def stream_all(shards):
    """Instead of `on_gpus`: every weight is streamed, wherever it is."""
    return {torch.device("cpu"): {name: shard for name, shard in shards.items() if shard.length}}


def install():
    from callsheet_plugins.bema import placing
    from callsheet_plugins.bema.streams import streamed

    streamed.Lanes = LateLanes
    placing.on_gpus = stream_all
    placing.say_if_not_pinned = lambda streams: None
    placing.decide = lambda streams: ""


class Late(Plugin):
    """Streams every weight that bema averages over late lanes, and has checkpoints larger than `small` wait for it."""

    ranks = "all"

    small: int = setting(1 << 30, help="Bytes of an average that is written within a save.")

    @hookimpl
    def on_trainer_ready(self, state):
        from callsheet_plugins.bema import running

        running.SMALL = self.small
        install()
