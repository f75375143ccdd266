"""Fixtures for plugin authors, active wherever callsheet is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from callsheet.testing.trainers import OVERRIDES, ROWS, SMALL, TINY

if TYPE_CHECKING:
    from callsheet.hooks import Plugin
    from callsheet.session.session import Session
    from callsheet.testing.observing.runs import Runs

HEAVY = ("torch", "transformers", "trl", "datasets", "accelerate", "numpy", "pandas")


@pytest.fixture
def imports_lightly() -> Callable[[str], None]:
    """Assert that importing a module loads no training library: `imports_lightly("callsheet_lucky")`."""

    def check(module: str) -> None:
        code = f"import sys, {module}; print(*[m for m in {HEAVY!r} if m in sys.modules])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        heavy = done.stdout.split()
        assert not heavy, f"{module} imports {', '.join(heavy)} at import time; import inside the hook instead"

    return check


@pytest.fixture
def make_plugin() -> Callable[..., Plugin]:
    """An installed plugin as Hydra makes it: `make_plugin("bema", "plugins.bema.update_freq=5")`."""

    def make(name: str, *overrides: str) -> Plugin:
        from callsheet.config.compose import compose
        from callsheet.config.plan import make_plugins

        return make_plugins(compose([f"plugins=[{name}]", *overrides]), overrides)[name]

    return make


@pytest.fixture
def run_demo(tmp_path: Path) -> Callable[..., Session]:
    """Train the demo for four steps, with two checkpoints and two evaluations, and return the finished session.

    `run_demo("plugins=[lucky]", "plugins.lucky.wish=hi")`; the run directory is `session.run_dir.path`. Everything is
    real: the trainer, the model, the run directory. Takes about a second after imports.
    """

    def run(*overrides: str, plugins: Sequence[Plugin] = (), output_dir: str = "run") -> Session:
        return _train([*SMALL, f"output_dir={tmp_path / output_dir}", *overrides], overrides, plugins)

    return run


@pytest.fixture
def run_trainer(tmp_path: Path) -> Callable[..., Session]:
    """Train the demo's model for two steps with any trainer on a few rows, and return the finished session.

    `run_trainer("dpo", "peft=lora", "plugins=[lucky]")`; other data come as `rows=[{"prompt": …}, …]`. Everything is
    real, as with `run_demo`; the rows that each trainer is given lie in `callsheet.testing.trainers.ROWS`.
    """

    def run(
        trainer: str,
        *overrides: str,
        rows: Sequence[Mapping[str, Any]] | None = None,
        plugins: Sequence[Plugin] = (),
        output_dir: str = "run",
    ) -> Session:
        data = tmp_path / f"{output_dir}.jsonl"
        data.write_text("".join(json.dumps(row) + "\n" for row in (ROWS[trainer] if rows is None else rows)))
        places = [f"trainer={trainer}", f"dataset.path={data}", f"output_dir={tmp_path / output_dir}"]
        return _train([*TINY, *places, *OVERRIDES.get(trainer, ()), *overrides], overrides, plugins)

    return run


@pytest.fixture(scope="session")
def _observed_runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    from callsheet.testing.observing.runs import Runs

    return Runs(tmp_path_factory.mktemp("observed"))


@pytest.fixture
def observes_only(_observed_runs: Runs) -> Callable[..., None]:
    """Assert that a run with a plugin is bit for bit the run without it: `observes_only("lucky", "plugins.lucky.x=2")`.

    The demo's model trains for six steps with dropout, evaluations and a checkpoint; then it is resumed from that
    checkpoint with the plugin, and without it. Compared at every step are weights, optimizer, scheduler, gradients,
    modes, random states, what the trainer logs, and settings of the model, the tokenizer, torch and the process. The
    AssertionError says what differs first.

    `plugin` is a name, an instance, or a list of them; `trainer` is one of `callsheet.testing.trainers.ROWS`. With
    `engine` (ddp, zero2, zero3, fsdp2), two processes train over gloo, and only names of installed plugins are taken.
    `evaluations=False` allows other results of evaluations, for a plugin that evaluates something else. The other
    overrides hold for the runs without the plugin, too. Takes a few seconds; runs without plugins are made once.
    """

    def check(
        plugin: str | Plugin | Sequence[str | Plugin],
        *overrides: str,
        trainer: str = "sft",
        engine: str = "single",
        evaluations: bool = True,
    ) -> None:
        __tracebackhide__ = True
        from callsheet.testing.observing import checking

        plugins = plugin if isinstance(plugin, Sequence) and not isinstance(plugin, str) else [plugin]
        checking.check(_observed_runs, plugins, overrides, trainer, engine, evaluations)

    return check


def _train(composed: Sequence[str], typed: Sequence[str], plugins: Sequence[Plugin]) -> Session:
    from callsheet.config.compose import compose
    from callsheet.config.plan import make_plan
    from callsheet.run.train import train

    plan = make_plan(compose(composed), typed)
    extra = {type(plugin).__name__.lower(): plugin for plugin in plugins}
    return train(replace(plan, plugins={**plan.plugins, **extra}))
