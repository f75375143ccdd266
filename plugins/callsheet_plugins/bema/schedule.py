"""The schedule of BEMA: the steps of updates, and the weights β and α at a step, as the paper names them."""

from __future__ import annotations

import math

from callsheet import Plugin, setting
from callsheet.errors import CallsheetError


class Schedule(Plugin):
    """The settings of the schedule, with TRL's names and defaults."""

    update_freq: int = setting(400, ge=1, help="Update every this many steps; φ in the paper.")
    ema_power: float = setting(0.5, ge=0, help="How fast updates lose weight; κ in the paper. 0 averages nothing.")
    bias_power: float = setting(0.2, ge=0, help="How fast the bias correction fades; η in the paper. 0 never fades.")
    lag: int = setting(10, ge=0, help="Steps added to the age of the average; ρ in the paper.")
    update_after: int = setting(0, ge=0, help="Begin at this step; τ in the paper.")
    multiplier: float = setting(1.0, ge=0, help="Scale of the steps in the age of the average; γ in the paper.")
    min_ema_multiplier: float = setting(0.0, ge=0, le=1, help="The least weight of an update.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lag == 0 and self.multiplier == 0:
            raise CallsheetError(
                f"{type(self).__name__}.lag and .multiplier are both 0, and (lag + multiplier * step) ** -ema_power "
                "divides by zero. Set one of them above 0."
            )
        if not self._weighs_something():
            raise CallsheetError(
                f"{type(self).__name__}.ema_power or .bias_power is too high: at the first update, step "
                f"{self.first_update}, (lag + multiplier * step) ** -power is 0 or infinite. Lower them."
            )

    @property
    def first_update(self) -> int:
        return self.update_after + self.update_freq

    def is_update(self, step: int) -> bool:
        return step >= self.first_update and (step - self.update_after) % self.update_freq == 0

    def beta(self, step: int) -> float:
        """The weight of an update."""
        return float(max(self._age(step) ** -self.ema_power, self.min_ema_multiplier))

    def alpha(self, step: int) -> float:
        """The weight of the bias correction."""
        return float(self._age(step) ** -self.bias_power)

    def _weighs_something(self) -> bool:
        """Whether β and α of the first update are finite, and β is above 0."""
        try:
            return 0 < self.beta(self.first_update) < math.inf and self.alpha(self.first_update) < math.inf
        except OverflowError:
            return False

    def _age(self, step: int) -> float:
        return self.lag + self.multiplier * step
