"""From a composed configuration to what is asked for: the directory, the command, and each arm composed and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from callsheet.config.compose import flags
from callsheet.config.experiment import ExperimentSettings
from callsheet.config.experiment.reading import settings_of
from callsheet.config.experiment.words import GROUP
from callsheet.config.hydra_errors import plain
from callsheet.config.overrides import as_typed
from callsheet.disk.standing import working_directory
from callsheet.errors import CallsheetError, counted, did_you_mean
from callsheet.experiments.arms import Arm
from callsheet.experiments.composing.bases import compose_here
from callsheet.experiments.composing.compose import Composed, composed, plugins_of
from callsheet.experiments.composing.place import folder_of, is_place, place_of
from callsheet.experiments.composing.secrets import refuse_secrets
from callsheet.experiments.driver import record
from callsheet.experiments.driver.asked import Asked
from callsheet.experiments.driver.record import Command, Record
from callsheet.experiments.driver.sweep import sweep_of
from callsheet.experiments.expanding.expand import arms_of, for_all
from callsheet.experiments.expanding.plain import is_plain, require_one_run
from callsheet.experiments.places import DONE, FAILED
from callsheet.experiments.queue import Entry, Queue
from callsheet.experiments.queue.records import of
from callsheet.screen import quoted


def by_file(config: DictConfig, overrides: Sequence[str], *, rerun: Sequence[str] = (), add_repeats: int = 0) -> Asked:
    """What `callsheet experiment` was called with; ask while Hydra runs. Raises `CallsheetError`."""
    refuse_secrets(overrides)
    _require_file(_settings(config))
    folder = folder_of(config, overrides)
    before = record.read(folder)
    _require_something(before, rerun, add_repeats, folder)
    settings = with_repeats(_settings(config), before, add_repeats, folder)
    typed = [as_typed(item) for item in overrides if not is_place(item)]
    command = Command(flags(), for_all(settings, typed), str(working_directory()), [*typed, *_of_hydra()])
    return _asked(config, folder, settings, command, lambda settings: arms_of(settings), rerun)


def by_sweep(config: DictConfig, typed: Sequence[str], *, rerun: Sequence[str] = (), add_repeats: int = 0) -> Asked:
    """What `callsheet train -m` was called with; ask while Hydra runs. Raises `CallsheetError`."""
    refuse_secrets(typed)
    require_one_run(config)
    folder = place_of(config)
    before = record.read(folder)
    _require_something(before, rerun, add_repeats, folder)
    if add_repeats:
        raise CallsheetError("--add-repeats: a sweep has no repeats. Sweep over a seed, as in trainer.args.seed=1,2,3")
    sweep = sweep_of(config, [item for item in typed if not is_place(item)], compose_here)
    words = [as_typed(item) for item in typed if not is_place(item)]
    command = Command(flags(), [*sweep.common], str(working_directory()), words, is_sweep=True)
    return _asked(config, folder, _settings(config), command, lambda _: sweep.arms, rerun)


def with_repeats(settings: ExperimentSettings, before: Record | None, more: int, folder: Path) -> ExperimentSettings:
    """The settings with the repeats that the experiment has by now, and `more`."""
    so_far = before.settings.get("repeats") if before else None
    if before is None or not isinstance(so_far, int):
        return settings
    if more and so_far == 1 and all(row.get("seed") is None for row in before.arms):
        raise CallsheetError(
            f"--add-repeats {more}: the arms in {folder} have no repeats, but the seed of their configuration. Begin "
            f"another experiment: experiment.name=… experiment.repeats={more + 1}"
        )
    if more and so_far > settings.repeats and (left := _left(before, folder)):
        raise CallsheetError(  # who types a command again after a kill does not mean more of them
            f"--add-repeats {more}: repeats were added before, and {counted(left, 'arm')} of {folder} "
            f"{'is' if left == 1 else 'are'} not over. To go on with them, leave --add-repeats out."
        )
    return replace(settings, repeats=max(settings.repeats, so_far) + more)


def _left(before: Record, folder: Path) -> int:
    """How many arms of the record are not over, with those that a killed driver has not put into the queue."""
    states = Queue(folder).states()
    return sum(states.get(str(row.get("name"))) not in (DONE, FAILED) for row in before.arms)


def _asked(
    config: DictConfig,
    folder: Path,
    settings: ExperimentSettings,
    command: Command,
    arms_of: Callable[[ExperimentSettings], Sequence[Arm]],
    rerun: Sequence[str],
) -> Asked:
    def composed_arms(settings: ExperimentSettings) -> dict[str, Composed]:
        return composed(arms_of(settings), settings, command.overrides, folder=folder, afresh=True)

    made = composed_arms(settings)
    return Asked(
        folder,
        settings,
        command,
        _entries(made),
        lambda settings: _entries(composed_arms(settings)),
        partial(plugins_of, made),
        hydra=_hydra_of(config),
        processes=_processes(config),
        run_config=dict(next(iter(made.values())).plan.composed),
        rerun=tuple(rerun),
    )


def _entries(made: Mapping[str, Composed]) -> list[Entry]:
    return [of(each.arm, each.digest, each.differs) for each in made.values()]


def _hydra_of(config: DictConfig) -> DictConfig:
    """Hydra's part of the configuration, which it takes out of what it gives to a run."""
    from hydra.core.hydra_config import HydraConfig

    node = config.get("hydra") or HydraConfig.get()
    return cast(DictConfig, node)


def _processes(config: DictConfig) -> int | None:
    """How many GPUs an arm has on one machine; None for all that it sees."""
    return 1 if config.launch.name == "single" else config.launch.processes


def _settings(config: DictConfig) -> ExperimentSettings:
    try:
        return settings_of(config)
    except OmegaConfBaseException as error:
        raise plain(error) from error


def _require_file(settings: ExperimentSettings) -> None:
    """Raise `CallsheetError` where no file is chosen, and nothing that was typed makes several runs."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig

    if HydraConfig.get().runtime.choices.get(GROUP) or not is_plain(settings):
        return
    known = GlobalHydra.instance().config_loader().get_group_options(GROUP)
    listed = f"Experiments: {', '.join(known) or 'none'}; or name a file: experiment=mine.yaml"
    if not _is_chosen():
        raise CallsheetError(f"Say which experiment: experiment=NAME. {listed}")
    raise CallsheetError(
        f"There is no experiment {quoted(settings.name)}.{did_you_mean(settings.name, known)} {listed}"
    )


def _is_chosen() -> bool:
    """Whether somebody typed `experiment=`; else a recipe may have set the name."""
    from hydra.core.hydra_config import HydraConfig

    return any(as_typed(str(item)).partition("=")[0] == GROUP for item in HydraConfig.get().overrides.task)


def _require_something(before: Record | None, rerun: Sequence[str], add_repeats: int, folder: Path) -> None:
    flag = "--rerun" if rerun else "--add-repeats" if add_repeats else ""
    if flag and before is None:
        raise CallsheetError(f"{flag}: there is no experiment in {folder} yet. Begin it without {flag}.")


def _of_hydra() -> list[str]:
    """The overrides of Hydra's own settings, such as its launcher's."""
    from hydra.core.hydra_config import HydraConfig

    typed = (str(item) for item in HydraConfig.get().overrides.hydra)
    return [item for item in typed if not item.lstrip("+").startswith("hydra.mode=")]
