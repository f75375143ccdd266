"""Where benchmark jobs run: on this machine, on Slurm, wherever a script is taken to, or where a package takes them."""

from typing import TYPE_CHECKING

from callsheet.lazy import names_of

__all__ = ["Attempt", "Dispatcher", "Seen", "Status", "for_job", "runner_command", "status_of"]

if TYPE_CHECKING:  # the settings of a run choose a dispatcher, and a composition runs none
    from callsheet_plugins.benchmarks.dispatch.attempts import runner_command
    from callsheet_plugins.benchmarks.dispatch.contract import Attempt, Dispatcher, Seen
    from callsheet_plugins.benchmarks.dispatch.environment import for_job
    from callsheet_plugins.benchmarks.dispatch.status import Status, status_of
else:
    __getattr__ = names_of(
        __name__,
        {
            f"{__name__}.attempts": ["runner_command"],
            f"{__name__}.contract": ["Attempt", "Dispatcher", "Seen"],
            f"{__name__}.environment": ["for_job"],
            f"{__name__}.status": ["Status", "status_of"],
        },
    )
