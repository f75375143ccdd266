"""A lane for the tests of bema on machines without a GPU: its copies are made as late as those of a slow stream."""

import threading

from callsheet import Plugin, hookimpl


class LateLane:
    """Stands in for `callsheet_plugins.bema.lane.Lane`; `device` is only what weights are sorted by."""

    def __init__(self, device=None):
        self.copies = []

    def copy(self, shards):
        self.copies.append(LateCopy({name: shard.read() for name, shard in shards.items()}))
        return self.copies[-1]


class LateCopy:
    """Reads the weights where they lie only when it must: work that is held for it comes, or its average is asked for."""

    def __init__(self, weights):
        self.weights, self.tensors, self.was_held = weights, {}, False
        self._due, self._lock = threading.Event(), threading.Lock()

    def hold(self):
        self.was_held = True
        self.hurry()

    def hurry(self):
        with self._lock:
            self.tensors = self.tensors or {name: tensor.clone() for name, tensor in self.weights.items()}
        self._due.set()

    def wait(self):
        assert self._due.wait(60), "nobody wanted it"


def hurried(settle):
    """`Offload.settle` for late copies: who waits for an average has them made."""

    def settled(offload):
        if isinstance(offload._copy, LateCopy):
            offload._copy.hurry()
        settle(offload)

    return settled


class Late(Plugin):
    """Sends every weight that bema averages over a late lane."""

    ranks = "all"

    @hookimpl
    def on_train_start(self, state):
        from callsheet_plugins.bema import offload, running

        running.Lane = LateLane
        running.crossing = lambda shards, ema: {"late": ema}
        offload.Offload.settle = hurried(offload.Offload.settle)
