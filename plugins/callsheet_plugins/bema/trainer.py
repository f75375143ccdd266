"""The methods that BEMA overrides in a Trainer: to evaluate the average, and to form it in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from callsheet.errors import CallsheetError
from callsheet_plugins.bema.evaluating import Evaluation


class Averaging:
    """A mixin for a Trainer, see `callsheet.loop.extend`. With both attributes None, it changes nothing.

    `bema_evaluation` replaces `evaluate`, because no event comes before it. `bema_form` is called before the best
    checkpoint overwrites the weights from which the average is formed, because no event comes before that either:
    transformers 5.10 to 5.24 load it in `_load_best_model`, after the loop and before `on_train_end`.
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
        evaluate = super().evaluate  # type: ignore[misc]  # the class of the Trainer, unknown here, comes next in the MRO

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
            raise CallsheetError("The model holds averaged weights during an evaluation; save it before or after that.")
