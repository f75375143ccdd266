"""The running average of one rank: begun, updated from the model's shards, written to disk, and formed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.distributed.collectives import barrier
from callsheet.sharding import Sharding, Stored
from callsheet_plugins.bema import average, placing
from callsheet_plugins.bema.average import Ema
from callsheet_plugins.bema.device import AUTO
from callsheet_plugins.bema.keeping import THETA, THETA0, Kept
from callsheet_plugins.bema.model import Formed, Values
from callsheet_plugins.bema.streams import holding
from callsheet_plugins.bema.streams.streamed import Copy, Streamed

if TYPE_CHECKING:
    from torch import Tensor

SMALL = 32 << 20  # bytes that are written within a save, so that the checkpoint may be complete at once

Beside = Callable[[Callable[[], None]], "Future[None]"]  # has a task done by a thread, one after the other


class Average:
    """The EMA in float32, one copy of this rank's shard, and what belongs to it on disk.

    Weights on a GPU are streamed past it, and what is written to disk is copied and written beside training. Of weights
    in main memory, everything is done at once.
    """

    def __init__(
        self, sharding: Sharding, kept: Kept, device: str, theta0: str = "disk", *, forms_often: bool = False
    ) -> None:
        self.sharding, self.kept = sharding, kept
        self.has_last = False  # the weights of the last update, from which it will be formed
        self._device, self._is_undecided = device, device == AUTO
        self._theta0_in_memory = theta0 == "memory"
        self._theta0: Callable[[str], Tensor] | None = None
        self._last: Stored | None = None
        self._written: list[Future[None]] = []
        streamed = placing.streamed(sharding.chosen, device)
        self._writes = any(map(sharding.is_holder, sharding.chosen))  # under DDP, one rank does
        copies = 0 if not self._writes else 2 if forms_often else 1
        self.streams = [
            Streamed(gpu, shards, is_at_home=is_at_home, copies=copies) for gpu, shards, is_at_home in streamed
        ]
        elsewhere = {name for stream in self.streams for name in stream.shards}
        self._others = [name for name in sharding.chosen if name not in elsewhere]
        self._plain: Ema = {}
        self._hook: Any = holding.before_each_step(self._hold) if self.streams else None
        placing.say_if_not_pinned(self.streams)

    @property
    def ema(self) -> Ema:
        """The average by name, complete after `settle` and valid until the next update."""
        streamed = {name: tensor for stream in self.streams for name, tensor in stream.ema.items()}
        return {name: streamed[name] if name in streamed else self._plain[name] for name in self.sharding.chosen}

    def begin(self, beside: Beside) -> None:
        """Start at the current weights, which become θ₀."""
        place = placing.elsewhere(self._device)
        for name in self._others:
            self._plain[name] = average.begun(self.sharding.chosen[name].read(), place)
        for stream in self.streams:
            stream.begin()
        self._write_weights(THETA0, beside)

    def restore(self, ema: Stored, checkpoint: Path) -> None:
        """Start at the average of `checkpoint`, bit for bit."""
        place = placing.elsewhere(self._device)
        self._plain = {name: ema.read(name).to(place) for name in self._others}
        for stream in self.streams:
            stream.put(ema.read)
        self.kept.adopt(checkpoint, THETA0)

    def update(self, beta: float, optimizer: Any = None) -> None:
        """EMA ← EMA + β (θ - EMA)."""
        for stream in self.streams:
            stream.update(beta)
        if self.streams and optimizer is not None and not holding.writes_in_steps_alone(optimizer):
            self._hold()
        for name, tensor in self._plain.items():  # in the order in which they lie in memory, which is faster
            average.blend(tensor, self.sharding.chosen[name].read(), beta)

    def decide(self) -> str:
        """With device=auto: move to the GPU if there is room, now that a step has taken what steps take.

        Returns a remark the first time, and an empty string after that.
        """
        if not self._is_undecided:
            return ""
        self._is_undecided = False
        return placing.decide(self.streams)

    def keep_last(self, beside: Beside) -> None:
        """Keep the weights of the last update: at the end of training, the average is formed from them."""
        self._write_weights(THETA, beside)
        self.has_last = True

    def adopt_last(self, checkpoint: Path) -> bool:
        """Take over the weights of the last update from `checkpoint`, if it has them; returns whether it has."""
        self.has_last = self.kept.adopt(checkpoint, THETA)
        return self.has_last

    def former(self, alpha: float, *, at_last: bool = False) -> Values:
        """A function that forms this rank's part of a parameter's average, or None if it is not averaged.

        Formed from the current weights or, with `at_last`, from those of the last update. On all ranks together.
        """
        self.settle()
        self._open(at_last)
        assert self._theta0 is not None
        ema, shards, theta0, last = self.ema, self.sharding.shards, self._theta0, self._last if at_last else None
        gpus = {name: stream.device for stream in self.streams for name in stream.shards}
        places = {name: gpus.get(name, tensor.device) for name, tensor in ema.items()}
        return _former(ema, last.read if last else lambda name: shards[name].read(), theta0, alpha, places)

    def save(self, folder: Path, beside: Beside, formed: Formed | None = None) -> None:
        """Write all that a resumed run needs into `folder` of a checkpoint, and the average as a model, if `formed`."""
        if not self._writes:
            return
        copies = [stream.copy_of_average() for stream in self.streams]
        ema = _gathered(copies, self._plain)
        if self.is_small and all(written.done() for written in self._written):  # else it would lack what is on its way
            beside = _now
        self._do(copies, lambda: self.kept.save(ema, folder), beside)
        if formed:
            weights = [stream.copy_of_weights() for stream in self.streams]
            theta = _gathered(weights, self._others_now())

            def write() -> None:  # on one core, and without other ranks
                theta0, places = self.kept.stored(THETA0).read, dict.fromkeys(ema, "cpu")
                formed.write(_former(ema, theta.__getitem__, theta0, formed.alpha, places, average.SERIAL))

            self._do([*copies, *weights], write, beside)

    @property
    def is_small(self) -> bool:
        """Whether writing it takes no time that matters; so it is without a GPU, where all is done at once."""
        return sum(stream.size for stream in self.streams) <= SMALL

    def wait(self) -> None:
        """Wait until everything is on disk, on all ranks. Raises what was raised beside training."""
        for written in self._written:
            written.result()
        self._written = []
        barrier()

    def settle(self) -> None:
        """Wait until the average holds every update."""
        for stream in self.streams:
            stream.settle()

    def close(self) -> None:
        """Let go of the GPUs, which still may be writing into the buffers."""
        if self._hook:
            self._hook.remove()
        for stream in self.streams:
            stream.close()

    def _hold(self) -> None:
        for stream in self.streams:
            stream.hold()

    def _open(self, at_last: bool) -> None:
        """Open what is read from disk."""
        if self._theta0 is None or (at_last and self._last is None):
            self.wait()
        self._theta0 = self._theta0 or self._read_theta0()
        if at_last and self._last is None:
            self._last = self.kept.stored(THETA)

    def _read_theta0(self) -> Callable[[str], Tensor]:
        stored = self.kept.stored(THETA0)
        if self._theta0_in_memory:
            return {name: stored.read(name) for name in self.sharding.chosen}.__getitem__
        return stored.read

    def _write_weights(self, kind: str, beside: Beside) -> None:
        if not self._writes:
            return
        copies = [stream.copy_of_weights() for stream in self.streams]
        weights = _gathered(copies, self._others_now())
        self._do(copies, lambda: self.kept.keep(weights, kind), beside)

    def _others_now(self) -> Ema:
        return {name: self.sharding.chosen[name].read() for name in self._others}

    def _do(self, copies: list[Copy], task: Callable[[], None], beside: Beside) -> None:
        """Do `task` beside training, once `copies` have arrived; at once if there are none."""
        if not copies:
            task()
            return

        def when_arrived() -> None:
            for copy in copies:
                copy.arrived.wait()
            task()

        self._written.append(written := beside(when_arrived))
        for copy in copies:
            copy.keep_until(written)


def _former(
    ema: Ema,
    theta: Callable[[str], Tensor],
    theta0: Callable[[str], Tensor],
    alpha: float,
    places: Mapping[str, Any],
    size: int = average.CHUNK,
) -> Values:
    """A function that forms this rank's part of a parameter's average on its place, or None if it is not averaged."""

    def form(name: str) -> Tensor | None:
        return average.formed(ema[name], theta(name), theta0(name), alpha, places[name], size) if name in ema else None

    return form


def _gathered(copies: list[Copy], plain: Ema) -> Ema:
    """The tensors of `copies`, and of `plain`, copied if they will be written beside training."""
    others = {name: tensor.to("cpu", copy=True) for name, tensor in plain.items()} if copies else plain
    return {**others, **{name: tensor for copy in copies for name, tensor in copy.tensors.items()}}


def _now(task: Callable[[], None]) -> Future[None]:
    done: Future[None] = Future()
    task()
    done.set_result(None)
    return done
