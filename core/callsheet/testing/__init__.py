"""Fixtures for plugin authors, active wherever callsheet is installed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from callsheet.hooks import Plugin
    from callsheet.session import Session

HEAVY = ("torch", "transformers", "trl", "datasets", "accelerate", "numpy", "pandas")
SMALL = (
    "recipe=demo",
    "trainer.args.max_steps=4",
    "trainer.args.save_steps=2",
    "trainer.args.eval_steps=2",
    "trainer.args.logging_steps=1",
    "trainer.args.per_device_train_batch_size=4",
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
        from callsheet.compose import compose
        from callsheet.plan import make_plugins

        return make_plugins(compose([f"plugins=[{name}]", *overrides]), overrides)[name]

    return make


@pytest.fixture
def run_demo(tmp_path: Path) -> Callable[..., Session]:
    """Train the demo for four steps, with two checkpoints and two evaluations, and return the finished session.

    `run_demo("plugins=[lucky]", "plugins.lucky.wish=hi")`; the run directory is `session.run_dir.path`. Everything is
    real: the trainer, the model, the run directory. Takes about a second after imports.
    """

    def run(*overrides: str, plugins: Sequence[Plugin] = (), output_dir: str = "run") -> Session:
        from dataclasses import replace

        from callsheet.compose import compose
        from callsheet.plan import make_plan
        from callsheet.train import train

        plan = make_plan(compose([*SMALL, f"output_dir={tmp_path / output_dir}", *overrides]), overrides)
        extra = {type(plugin).__name__.lower(): plugin for plugin in plugins}
        return train(replace(plan, plugins={**plan.plugins, **extra}))

    return run
