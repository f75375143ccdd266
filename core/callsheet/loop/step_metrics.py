"""The metrics of one optimizer step, read from the device only on demand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

NAMES = ("loss", "grad_norm", "learning_rate", "epoch")


class StepRecorder:
    """The micro-batches, losses and gradient norm of the current step; records nothing unless a plugin listens."""

    def __init__(self, active: bool) -> None:
        self.active = active
        self.batch: list[Any] = []
        self.losses: list[Any] = []
        self.grad_norm: Any = None
        self.learning_rate: float | None = None

    def begin(self, optimizer: Any) -> None:
        """A step begins. Its learning rate is the optimizer's now; the scheduler changes it before the step ends."""
        if self.active:
            self.losses = []
            self.grad_norm = None
            self.learning_rate = optimizer.param_groups[0]["lr"] if optimizer is not None else None

    def fetched(self, batch: list[Any]) -> None:
        """The data loader returned the micro-batches of the next step."""
        if self.active:
            self.batch = batch

    def lost(self, loss: Any) -> None:
        """A micro-batch gave `loss`, a tensor without dimensions."""
        if self.active:
            self.losses.append(loss)

    def measured(self, grad_norm: Any) -> None:
        """The gradient was clipped; `grad_norm` is its norm, a number or a tensor without dimensions."""
        if self.active:
            self.grad_norm = grad_norm


class StepMetrics(Mapping[str, float]):
    """loss, grad_norm, learning_rate and epoch of one step on this rank. Reading the first two waits for the device."""

    def __init__(self, recorder: StepRecorder, epoch: float) -> None:
        self._losses, self._grad_norm = recorder.losses, recorder.grad_norm
        self._rest = {"learning_rate": recorder.learning_rate, "epoch": epoch}

    def __getitem__(self, name: str) -> float:
        if name == "loss" and self._losses:
            return float(sum(self._losses))
        if name == "grad_norm" and self._grad_norm is not None:
            return float(self._grad_norm)
        if (value := self._rest.get(name)) is not None:
            return float(value)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (name for name in NAMES if self._has(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _has(self, name: str) -> bool:
        if name == "loss":
            return bool(self._losses)
        return (self._grad_norm if name == "grad_norm" else self._rest[name]) is not None
