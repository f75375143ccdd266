"""The settings of a branch's optimizer: a checkpoint holds the learning rate and the like of the run that saved it."""

from __future__ import annotations

from typing import Any

from callsheet.errors import CallsheetError


class OwnSettings:
    """Remembers what the optimizer was made with, and sets it again once the checkpoint is loaded."""

    def __init__(self) -> None:
        self._groups: list[dict[str, Any]] = []

    def made(self, optimizer: Any) -> None:
        """`optimizer` is new, and has loaded nothing."""
        groups = getattr(optimizer, "param_groups", [])
        self._groups = [{name: value for name, value in group.items() if name != "params"} for group in groups]

    def set_again(self, trainer: Any) -> None:
        """Set them, with the learning rate that the schedule of this run has at the step of the checkpoint.

        Raises `CallsheetError` if the engine has made another optimizer of it.
        """
        if len(trainer.optimizer.param_groups) != len(self._groups):
            raise CallsheetError(
                "branch=true cannot set the learning rate and the like of an optimizer that the engine made. Leave the "
                "optimizer out of launch.config, or start from the weights alone with model.path."
            )
        for group, own in zip(trainer.optimizer.param_groups, self._groups, strict=True):
            group.update(own)
        scheduler = trainer.lr_scheduler
        if not hasattr(scheduler, "lr_lambdas"):
            return  # it goes by what it has measured, and not by the step
        scheduler.base_lrs = [float(own.get("initial_lr", own["lr"])) for own in self._groups]
        factors = [factor(scheduler.last_epoch) for factor in scheduler.lr_lambdas]
        rates = [base * factor for base, factor in zip(scheduler.base_lrs, factors, strict=True)]
        for group, base, rate in zip(trainer.optimizer.param_groups, scheduler.base_lrs, rates, strict=True):
            group["initial_lr"], group["lr"] = base, rate
        scheduler.get_last_lr()[:] = rates


def forget_best(state: Any) -> None:
    """The best checkpoint so far is one of another run, by its settings."""
    state.best_metric = state.best_global_step = state.best_model_checkpoint = None
