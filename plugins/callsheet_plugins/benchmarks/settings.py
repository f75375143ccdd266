"""The settings of `benchmarks`: what is scored, and where its jobs run."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from callsheet import Plugin, setting
from callsheet.deprecations import renamed_value
from callsheet.settings import check_settings
from callsheet_plugins.benchmarks.definitions import JOB_SECONDS, MOST_JOB_SECONDS, Benchmark, choose, define
from callsheet_plugins.benchmarks.dispatch.choosing import SETTING, dispatcher_class, dispatcher_names, section_of
from callsheet_plugins.benchmarks.dispatch.slurm import settings as slurm_settings
from callsheet_plugins.benchmarks.dispatch.slurm.settings import SlurmSettings

if TYPE_CHECKING:
    from callsheet.records import LogContext


@dataclass
class EngineSettings:
    """The environment that engines run in."""

    python: str | None = setting(None, help="The Python that has the engine; left out, the one that trains.")


class BenchmarkSettings(Plugin):
    """What the checks and `callsheet bench` need to know of the plugin, without its hooks."""

    benchmarks: list[str] = setting([], help="Names of benchmarks to score each model on; all means open-r1's.")
    define: dict[str, Any] = setting(
        {}, help="Benchmarks of your own: NAME: {engine, task, num_fewshot, generation, limit, …}."
    )
    engine: EngineSettings = field(default_factory=EngineSettings)
    every: str = setting(
        "auto",
        choices=("auto", "revision", "checkpoint"),
        help="Score what was published, or each checkpoint; left at auto, revisions where a plugin publishes them.",
    )
    system_prompt: str | None = setting(
        None, help="Put before every question; left out, dataset.system_prompt of the run."
    )
    attempts: int = setting(2, ge=1, help="How often a job is tried before it has failed.")
    seconds: float | None = setting(
        JOB_SECONDS,
        gt=0,
        le=MOST_JOB_SECONDS,
        help="End a job after so long; six hours, or slurm.time where that is set.",
    )
    dispatch: str = setting(
        "local",
        choices=dispatcher_names,
        help="Where jobs run: on this machine, on Slurm, or wherever you take the script that is written for each.",
    )
    dispatch_options: dict[str, Any] = setting(
        {}, help="Settings of a dispatcher that another package brings, as it names them."
    )
    slots: int = setting(1, ge=1, help="Jobs at a time on this machine.")
    devices: list[int] = setting(
        [], help="GPUs of this machine for jobs, shared out over the slots; left out, jobs run on the CPU."
    )
    memory_share: float | None = setting(
        None, gt=0, lt=1, help="The share of the memory of each of its GPUs that a job may take, as 0.3; left out, all."
    )
    threads: int | None = setting(None, ge=1, help="CPU threads of a job; left out, its share of the cores.")
    slurm: SlurmSettings = field(default_factory=SlurmSettings)

    def __post_init__(self) -> None:
        self.dispatch = renamed_value(SETTING, self.dispatch)
        super().__post_init__()
        check_settings(self.slurm, slurm_settings.WHERE)
        self.chosen = choose(self.benchmarks, define(self.define))

    def scores_revisions(self, ctx: LogContext) -> bool:
        """Whether to wait for revisions to be announced."""
        return ctx.publishes if self.every == "auto" else self.every == "revision"

    def complete(self, config: Mapping[str, Any]) -> dict[str, Benchmark]:
        """The chosen benchmarks, with all that the run says about how its model is to be used."""
        return {name: self._complete(benchmark, config) for name, benchmark in self.chosen.items()}

    def _complete(self, benchmark: Benchmark, config: Mapping[str, Any]) -> Benchmark:
        prompt = next(
            (said for said in (benchmark.system_prompt, self.system_prompt, _of(config, "dataset", "system_prompt"))
             if said is not None),
            None,
        )  # fmt: skip
        trusted = benchmark.trust_remote_code
        templated = bool(_of(config, "model", "chat_template")) or bool(prompt)
        return replace(
            benchmark,
            path=_absolute(benchmark.path),
            python=_absolute(benchmark.python or self.engine.python) or sys.executable,
            system_prompt=prompt,
            chat=templated if benchmark.chat is None else benchmark.chat,
            trust_remote_code=bool(_of(config, "model", "trust_remote_code")) if trusted is None else trusted,
            # A default is no part of what was measured: what older versions scored without one is not scored again.
            seconds=benchmark.seconds or (self.seconds if self.seconds != JOB_SECONDS else None),
        )

    def running(self) -> dict[str, Any]:
        """Where jobs run, and how often each is tried."""
        section = section_of(dispatcher_class(self.dispatch))
        return {"attempts": self.attempts, "dispatch": self.dispatch, section: self.settings_in(section)}

    def settings_in(self, section: str) -> dict[str, Any]:
        """The settings that a dispatcher asks for; `local` and `slurm` are those of the dispatchers of that name."""
        if section == "local":
            names = ("slots", "devices", "memory_share", "threads")
            return {name: getattr(self, name) for name in names}
        return asdict(self.slurm) if section == "slurm" else dict(self.dispatch_options)


def _of(config: Mapping[str, Any], section: str, name: str) -> Any:
    return (config.get(section) or {}).get(name)


def _absolute(path: str | None) -> str | None:
    """Without following links: the Python of an environment is one."""
    return os.path.abspath(os.path.expanduser(path)) if path else None
