"""What one optimizer step says of itself, read from the device only when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

NAMES = ("loss", "grad_norm", "learning_rate", "epoch")


class StepRecorder:
    """Listens in on a Trainer: the micro-batches, losses and gradient norm of the step under way.

    Trainer hands none of them to callbacks, so three of its methods are wrapped, and only if some plugin listens.
    """

    def __init__(self, active: bool) -> None:
        self.active = active
        self.batch: list[Any] = []
        self.losses: list[Any] = []
        self.grad_norm: Any = None
        self.learning_rate: float | None = None
        self._attached: Any = None

    def attach(self, trainer: Any) -> None:
        """Wrap `trainer`, once however often it trains."""
        if not self.active or trainer is None or self._attached is trainer:
            return
        self._attached = trainer
        fetch, step, norm = trainer.get_batch_samples, trainer.training_step, trainer._get_grad_norm

        def get_batch_samples(*args: Any, **kwargs: Any) -> Any:
            fetched = fetch(*args, **kwargs)
            self.batch = fetched[0]
            return fetched

        def training_step(*args: Any, **kwargs: Any) -> Any:
            loss = step(*args, **kwargs)
            self.losses.append(loss)
            return loss

        def get_grad_norm(*args: Any, **kwargs: Any) -> Any:
            self.grad_norm = norm(*args, **kwargs)
            return self.grad_norm

        trainer.get_batch_samples, trainer.training_step = get_batch_samples, training_step
        trainer._get_grad_norm = get_grad_norm

    def begin(self, optimizer: Any) -> None:
        """A step begins: the rate that it will use is the optimizer's now, before the scheduler moves on."""
        if self.active:
            self.losses = []
            self.grad_norm = None
            self.learning_rate = optimizer.param_groups[0]["lr"] if optimizer is not None else None


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
