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

from callsheet.testing.trainers import OVERRIDES, ROWS, TINY

if TYPE_CHECKING:
    from callsheet.hooks import Plugin
    from callsheet.session.session import Session

HEAVY = ("torch", "transformers", "trl", "datasets", "accelerate", "numpy", "pandas")
SMALL = (
    "recipe=demo",
    "trainer.args.max_steps=4",
    "trainer.args.save_steps=2",
    "trainer.args.eval_steps=2",
    "trainer.args.logging_steps=1",
    "trainer.args.per_device_train_batch_size=4",
    "plugins.benchmarks.benchmarks=[]",  # each would be a process of seconds
)


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


def _train(composed: Sequence[str], typed: Sequence[str], plugins: Sequence[Plugin]) -> Session:
    from callsheet.config.compose import compose
    from callsheet.config.plan import make_plan
    from callsheet.run.train import train

    plan = make_plan(compose(composed), typed)
    extra = {type(plugin).__name__.lower(): plugin for plugin in plugins}
    return train(replace(plan, plugins={**plan.plugins, **extra}))
