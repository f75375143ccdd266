"""What a Trainer does otherwise while its weights are averaged: it evaluates the average, and forms it in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from callsheet.errors import CallsheetError
from callsheet_plugins.bema.evaluating import Evaluation


class Averaging:
    """Comes before the class of a Trainer, see `callsheet.loop.extend`. With nothing set, it changes nothing.

    `bema_evaluation` takes the place of `evaluate`, which has no event before it. `bema_form` is called before the best
    checkpoint is loaded over the weights that the average is formed from, which has no event either: transformers 5.10
    to 5.24 do it in `_load_best_model`, after the loop and before `on_train_end`.
    """

    bema_evaluation: Evaluation | None = None
    bema_form: Callable[[], None] | None = None

    def evaluate(
        self,
        eval_dataset: Any = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
        **more: Any,
    ) -> dict[str, float]:
        evaluate = super().evaluate  # type: ignore[misc]  # of the Trainer that stands behind this class

        def plain(prefix: str) -> dict[str, float]:
            return evaluate(eval_dataset, ignore_keys, metric_key_prefix=prefix, **more)  # type: ignore[no-any-return]

        return (
            self.bema_evaluation(self, plain, metric_key_prefix) if self.bema_evaluation else plain(metric_key_prefix)
        )

    def log(self, *args: Any, **kwargs: Any) -> None:
        if self.bema_evaluation:
            self.bema_evaluation.rename(self)
        super().log(*args, **kwargs)  # type: ignore[misc]

    def save_model(self, *args: Any, **kwargs: Any) -> None:
        self._refuse_averaged_weights()
        super().save_model(*args, **kwargs)  # type: ignore[misc]

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        self._refuse_averaged_weights()
        super()._save_checkpoint(*args, **kwargs)  # type: ignore[misc]

    def _load_best_model(self, *args: Any, **kwargs: Any) -> None:
        if self.bema_form:
            self.bema_form()
        super()._load_best_model(*args, **kwargs)  # type: ignore[misc]

    def _refuse_averaged_weights(self) -> None:
        if self.bema_evaluation and self.bema_evaluation.is_swapped:
            raise CallsheetError("The model holds averaged weights for an evaluation; save it before or after.")
