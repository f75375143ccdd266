"""What Trainer logs of the last step of an epoch, which it keeps in variables of its loop."""

from __future__ import annotations

from typing import Any


class LastStep:
    """The norm of the gradient and the learning rate of the last step."""

    def __init__(self) -> None:
        self._grad_norm: Any = None
        self._learning_rate: Any = None

    def measured(self, trainer: Any, grad_norm: Any) -> None:
        """A step is about to be taken. Reads nothing from the device."""
        self._grad_norm = grad_norm
        self._learning_rate = trainer.optimizer.param_groups[0]["lr"]

    def content(self) -> dict[str, float | None]:
        values = {"grad_norm": self._grad_norm, "learning_rate": self._learning_rate}
        return {name: None if value is None else float(value) for name, value in values.items()}

    def restore(self, content: dict[str, float | None]) -> None:
        self._grad_norm, self._learning_rate = content["grad_norm"], content["learning_rate"]
