"""Callsheet's plugins in a training script of one's own: `callbacks=callsheet.callbacks("bema", ...)`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from callsheet.errors import CallsheetError
from callsheet.hooks import Plugin

if TYPE_CHECKING:
    from transformers import TrainerCallback

    from callsheet.outbox.settings import OutboxSettings


def callbacks(*plugins: str | Plugin, overrides: Sequence[str] = ()) -> list[TrainerCallback]:
    """What `Trainer(..., callbacks=[...])` takes to call `plugins`, given by name or as instances, in this order.

    The run directory is the Trainer's `output_dir`; guards, state, requests and `on_run_end` work as under
    `callsheet train`. `overrides` set plugins and the outbox only, as in `["plugins.bema.update_freq=50"]`. Raises
    `CallsheetError` for an unknown plugin or a wrong setting, before anything is loaded.

    >>> Trainer(model, args, callbacks=callsheet.callbacks("bema", "csv_metrics"))
    """
    from callsheet.preflight.preflight import require
    from callsheet.records import LogContext, PreflightReport
    from callsheet.run.script_bridge import ScriptBridge
    from callsheet.session.session import Session

    session = Session(LogContext(Path()), _made(plugins, overrides), outbox=_outbox(overrides))
    report = PreflightReport()
    session.lineup.hooks.preflight(ctx=session.ctx, report=report)
    require(report)
    return [ScriptBridge(session), *session.lineup.add_callbacks(session.state)]


def _made(plugins: Sequence[str | Plugin], overrides: Sequence[str]) -> dict[str, Plugin]:
    from callsheet.config.compose import compose
    from callsheet.config.plan import make_plugins

    if isinstance(overrides, str):
        raise CallsheetError(f"overrides must be a list of strings, got the string {overrides!r}.")
    for wrong in (plugin for plugin in plugins if not isinstance(plugin, (str, Plugin))):
        raise CallsheetError(
            f"callbacks() takes names and instances of plugins, got {wrong!r}. A list wants a * before it, a class ()."
        )
    for override in overrides:
        if not override.lstrip("+~").startswith(("plugins.", "outbox.")):
            said = "callbacks() takes overrides of plugins.* and outbox.* only."
            raise CallsheetError(f"{override!r} cannot be set here: {said}")
    names = [plugin for plugin in plugins if isinstance(plugin, str)]
    selected = make_plugins(compose([f"plugins=[{','.join(names)}]", *overrides]), overrides)
    made: dict[str, Plugin] = {}
    for plugin in plugins:
        name = plugin if isinstance(plugin, str) else _snake_case(type(plugin).__name__)
        if name in made:
            raise CallsheetError(f"Plugin {name!r} is given twice.")
        made[name] = plugin if isinstance(plugin, Plugin) else selected[name]
    return made


def _outbox(overrides: Sequence[str]) -> OutboxSettings:
    from omegaconf import OmegaConf

    from callsheet.config.compose import compose
    from callsheet.settings import check_settings

    chosen = [override for override in overrides if override.startswith("outbox.")]
    settings = cast("OutboxSettings", OmegaConf.to_object(compose(chosen).outbox))
    check_settings(settings, "outbox")
    return settings


def _snake_case(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
