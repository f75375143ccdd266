"""The metrics of one optimizer step, read from the device only on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from callsheet.lazy import read_before


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
        """A micro-batch gave `loss`, a tensor without dimensions. A CUDA graph writes the next into the same one."""
        if self.active:
            self.losses.append(loss.detach().clone() if hasattr(loss, "detach") else loss)

    def measured(self, grad_norm: Any) -> None:
        """The gradient was clipped; `grad_norm` is its norm, a number or a tensor without dimensions."""
        if self.active:
            self.grad_norm = grad_norm


class StepMetrics(dict[str, Any]):
    """loss, grad_norm, learning_rate and epoch of one step on this rank. Reading the first two waits for the device.

    A dictionary, so that json.dumps and the like take it. A value is read when it is first looked at; `json` and `dict`
    ask a subclass of dict for its items or keys, and do not reach past them for what it holds.
    """

    def __init__(self, recorder: StepRecorder, epoch: float) -> None:
        losses, norm, rate = recorder.losses, recorder.grad_norm, recorder.learning_rate
        super().__init__()
        if losses:
            self._put("loss", _Unread(lambda: sum(losses)))
        if norm is not None:
            self._put("grad_norm", _Unread(lambda: norm))
        if rate is not None:
            self._put("learning_rate", _Unread(lambda: rate))
        self._put("epoch", epoch)

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        if isinstance(value, _Unread):
            self._put(name, value := float(value.read()))
        return value

    def __iter__(self) -> Iterator[str]:
        return super().__iter__()  # that there is one makes `dict` and `{**metrics}` come here

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401  # it is `get`

    def pop(self, name: str, *default: Any) -> Any:
        if name in self:
            self[name]
        return super().pop(name, *default)

    def _put(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)

    def read(self) -> None:
        """Read what was not looked at yet."""
        for name in [*self]:
            self[name]


@dataclass(frozen=True)
class _Unread:
    read: Callable[[], Any]


read_before(
    StepMetrics,
    *("items", "values", "copy", "popitem", "setdefault", "__eq__", "__ne__", "__repr__", "__or__", "__ror__"),
)
setattr(StepMetrics, "__reduce_ex__", lambda self, protocol: (dict, ({**self},)))  # noqa: B010  # as a plain one
