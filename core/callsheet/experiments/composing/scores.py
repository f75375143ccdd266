"""Whether every arm will report what the experiment compares."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from callsheet.config.experiment import ExperimentSettings
from callsheet.config.plan import Plan
from callsheet.errors import CallsheetError, did_you_mean
from callsheet.experiments.arms import Arm
from callsheet.experiments.expanding.questions import METRIC
from callsheet.hooks import Plugin
from callsheet.plugins.lineup import origin
from callsheet.preflight.evaluation import Arguments, has_data
from callsheet.results import RAW
from callsheet.screen import quoted

BENCHMARKS = "experiment.benchmarks"
Reported = Mapping[str, Sequence[str] | None]  # the metrics of each benchmark, if they are known
FROM_ANSWERS = "pass@"  # which is computed where no plugin reports it
LOSS = "eval_loss"
TYPO = 0.92  # how near to the loss; that of an evaluation set is called eval_NAME_loss
OF_EVALUATION = "eval_"  # what Trainer puts before its metrics


def problems(settings: ExperimentSettings, plan: Plan, arm: Arm) -> Iterator[str]:
    """What the experiment asks for and this arm will not report; a plugin that does not say leaves it open."""
    if arm.weights is not None and arm.weights not in (RAW, *plan.plugins):
        near = did_you_mean(arm.weights, [RAW, *plan.plugins])
        yield (
            f"weights={quoted(arm.weights)}: the arm selects no plugin that could make weights of that name.{near} "
            f"Write {RAW} for those that were trained."
        )
    reported = _reported(plan)
    for name in settings.benchmarks if reported is not None else ():
        if name not in (reported or ()):
            yield f"{BENCHMARKS} names {quoted(name)}, and no plugin scores it.{_known(name, reported or ())}"
    if settings.success_metric and (said := _wrong_metric(settings.success_metric, plan, reported)):
        yield said


def _reported(plan: Plan) -> Reported | None:
    """The benchmarks that the plugins of `plan` will report; None if one of them does not say."""
    found: dict[str, Sequence[str] | None] = {}
    for name, plugin in plan.plugins.items():
        names = _reports(name, plugin)
        if names is None:
            return None
        for each in names:
            own = names[each] if isinstance(names, Mapping) else None
            others = found.get(each, ())
            found[each] = None if own is None or others is None else [*others, *own]
    return found


def _reports(name: str, plugin: Plugin) -> Sequence[str] | Mapping[str, Sequence[str]] | None:
    try:
        names = plugin.reports()
    except Exception as error:
        raise CallsheetError(f"{origin(name, plugin)} failed to say what it reports: {error!r}") from error
    if names is not None and (isinstance(names, str) or not all(isinstance(each, str) for each in names)):
        raise CallsheetError(f"{origin(name, plugin)} says that it reports {names!r}: names in a list are needed.")
    return names


def _wrong_metric(metric: str, plan: Plan, reported: Reported | None) -> str:
    if reported is None:
        return ""
    if named := [name for name in reported if metric.startswith(f"{name}.")]:
        return _unknown_metric(metric, max(named, key=len), reported)
    if "." in metric:
        name = metric.partition(".")[0]
        return f"{METRIC}={metric}: no plugin reports a benchmark {quoted(name)}.{_known(name, reported)}"
    if metric in reported:
        return f"{METRIC}={metric} is a benchmark: add the metric, as in {metric}.accuracy."
    if metric != LOSS and SequenceMatcher(None, metric, LOSS).ratio() > TYPO:
        return f"{METRIC}={metric}: no trainer reports it. Did you mean {LOSS!r}?"
    if metric.startswith(OF_EVALUATION):
        return _without_evaluation(metric, plan)
    return ""


def _unknown_metric(metric: str, benchmark: str, reported: Reported) -> str:
    name, known = metric.removeprefix(f"{benchmark}."), reported[benchmark]
    if known is None or name in known or name.startswith(FROM_ANSWERS):
        return ""
    near = did_you_mean(name, known, before=f"{benchmark}.")
    return f"{METRIC}={metric}: {quoted(benchmark)} has no metric {quoted(name)}.{near} It has: {', '.join(known)}."


def _without_evaluation(metric: str, plan: Plan) -> str:
    if not has_data(plan):
        return f"{METRIC}={metric}, and there are no data to evaluate on. Set dataset.eval_path."
    if not Arguments(plan).evaluates and not plan.finish.evaluate:
        return f"{METRIC}={metric}, and nothing is evaluated. Set finish.evaluate=true or trainer.args.eval_strategy."
    return ""


def _known(name: str, reported: Collection[str]) -> str:
    return f"{did_you_mean(name, reported)} Benchmarks: {', '.join(reported) or 'none'}."
