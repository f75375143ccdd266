"""Checks of what is asked of evaluations: data to evaluate on, and a best model that evaluations can tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from callsheet.config.plan import Plan
from callsheet.data.evaluation import FOLLOWS_LOSS
from callsheet.errors import CallsheetError
from callsheet.introspect.arguments import read_arguments

LIBRARIES = ("transformers.", "trl.")  # whose trainers get no other data than those that the configuration names
DATA = "Set dataset.eval_path or dataset.test_split_size"


def problems(plan: Plan) -> list[str]:
    """List what no evaluation, or none at these steps, can give; the trainer would refuse it after its imports."""
    args = Arguments(plan)
    return [*_without_data(plan, args), *_without_evaluation(args), *_best_model(args)]


class Arguments:
    """The trainer's arguments, with the defaults of its class."""

    def __init__(self, plan: Plan) -> None:
        self.given = plan.trainer.args
        try:
            self.known = read_arguments(plan.trainer.config_class)
        except CallsheetError:  # the class is not there, which others say
            self.known = {}

    def __getitem__(self, name: str) -> Any:
        default = self.known[name].default_value if name in self.known else None
        value = self.given.get(name, default)
        return "no" if value is False and name.endswith("strategy") else value

    def number(self, name: str) -> float:
        try:
            return float(self[name] or 0)
        except (TypeError, ValueError):
            return 0.0

    @property
    def evaluates(self) -> bool:
        return self["eval_strategy"] in ("steps", "epoch")


def has_data(plan: Plan) -> bool:
    """Whether the configuration names data to evaluate on, or splits some off."""
    return any(getattr(plan.dataset, name, None) for name in ("eval_path", "eval", "test_split_size"))


def _without_data(plan: Plan, args: Arguments) -> Iterator[str]:
    if has_data(plan) or not plan.trainer.trainer_class.startswith(LIBRARIES):
        return
    if args.evaluates:
        strategy = args["eval_strategy"]
        yield (
            f"trainer.args.eval_strategy={strategy}, and there are no data to evaluate on. {DATA}, or "
            "trainer.args.eval_strategy=no."
        )
    if args["eval_on_start"] is True:
        yield f"trainer.args.eval_on_start=true, and there are no data to evaluate on. {DATA}, or leave it out."
    if plan.finish.evaluate:
        yield f"finish.evaluate=true, and there are no data to evaluate on. {DATA}, or leave it out."


def _without_evaluation(args: Arguments) -> Iterator[str]:
    if args.evaluates:
        return
    needs = "needs evaluations, and trainer.args.eval_strategy is no. Set it to steps or epoch"
    if args["load_best_model_at_end"] is True:
        yield f"trainer.args.load_best_model_at_end=true {needs}, or leave load_best_model_at_end out."
    if args["save_strategy"] == "best":
        yield f"trainer.args.save_strategy=best {needs}, or choose another save_strategy."
    if (schedule := args["lr_scheduler_type"]) in FOLLOWS_LOSS:
        yield f"trainer.args.lr_scheduler_type={schedule} {needs}, or choose another schedule."


def _best_model(args: Arguments) -> Iterator[str]:
    if args["save_strategy"] == "best" and args["metric_for_best_model"] is None and args.evaluates:
        if args["load_best_model_at_end"] is not True:  # which means the loss, where nothing is named
            yield "trainer.args.save_strategy=best needs trainer.args.metric_for_best_model, as in eval_loss."
    elif args["load_best_model_at_end"] is True and args.evaluates and args["save_strategy"] != "best":
        yield from _mismatch(args)


def _mismatch(args: Arguments) -> Iterator[str]:
    """The best model must have been saved when it was evaluated."""
    name = "trainer.args.load_best_model_at_end=true"
    evaluates, saves = args["eval_strategy"], args["save_strategy"]
    if evaluates != saves:
        yield f"{name} needs saves when it evaluates: eval_strategy is {evaluates}, and save_strategy is {saves}."
        return
    if evaluates != "steps":
        return
    save, evaluate = args.number("save_steps"), args.number("eval_steps") or args.number("logging_steps")
    if save <= 0 or evaluate <= 0:
        return  # said by their ranges
    if (save < 1) != (evaluate < 1):
        yield f"{name}: save_steps={save:g} and eval_steps={evaluate:g} must both be shares, or both numbers of steps."
    elif round(save * 10**6) % round(evaluate * 10**6):
        yield f"{name}: save_steps={save:g} must be a multiple of eval_steps, which is {evaluate:g}."
