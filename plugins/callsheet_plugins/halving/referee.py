"""The trial of one arm in the study of its experiment: its values go in, and whether it is to stop comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.experiments.search.journal import Journal, opened

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.trial import Trial


@dataclass
class Referee:
    """Used by one thread. Each method raises what Optuna or the disk raises, and may be called again afterwards."""

    path: Path
    arm: str
    direction: str
    min_steps: int
    factor: int
    is_pruned: bool = False
    lost: tuple[int, float] | None = None  # the step and the value at which it was pruned by this object
    is_over: bool = False  # it has its final score already: no value is reported any more
    _journal: Journal | None = None
    _trial: Trial | None = None
    _steps: set[int] = field(default_factory=set)

    def begin(self) -> None:
        """Take the arm's trial up where an earlier attempt left it; a failed one is followed by a new one."""
        from optuna.samplers import RandomSampler
        from optuna.trial import TrialState

        self._trial = None
        journal = opened(self.path, self.direction, sampler=RandomSampler(), pruner=self._pruner())
        found = journal.latest(self.arm)
        if found is None or found.state == TrialState.FAIL:
            found = journal.begin(self.arm, found)
        self.is_pruned = self.is_pruned or found.state == TrialState.PRUNED
        self.is_over = found.state == TrialState.COMPLETE
        self._steps = {*found.intermediate_values}
        self._journal, self._trial = journal, journal.trial(found.number)

    def report(self, step: int, value: float, compare: bool) -> None:
        """Report `value`, once for each step, and `compare` it with other arms; `is_pruned` says what came of it."""
        try:
            self._report(step, value, compare)
        except BaseException:
            self._trial = None  # what is in memory may not be what is in the file
            raise

    def _report(self, step: int, value: float, compare: bool) -> None:
        from optuna.trial import TrialState

        if self._trial is None:
            self.begin()
        assert self._trial is not None and self._journal is not None
        if self.is_pruned or self.is_over:
            return
        if step not in self._steps:
            self._trial.report(value, step)
            self._steps.add(step)
        if compare and self._trial.should_prune():
            self.is_pruned, self.lost = True, (step, value)
            self._journal.study.tell(self._trial.number, state=TrialState.PRUNED)

    def _pruner(self) -> BasePruner:
        from optuna.pruners import SuccessiveHalvingPruner

        return SuccessiveHalvingPruner(min_resource=self.min_steps, reduction_factor=self.factor)
