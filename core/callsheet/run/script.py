"""Callsheet's plugins in your own training script: `callsheet.attach(trainer, "bema", ...)`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from callsheet import deprecations
from callsheet.errors import CallsheetError
from callsheet.hooks import Plugin

if TYPE_CHECKING:
    from omegaconf import DictConfig
    from transformers import Trainer, TrainerCallback

    from callsheet.outbox.settings import OutboxSettings
    from callsheet.run.script_bridge import ScriptBridge


def attach(trainer: Trainer, *plugins: str | Plugin, overrides: Sequence[str] = ()) -> None:
    """Add `plugins`, names or instances, to the finished `trainer`; they are called in this order when it trains.

    The run directory is the Trainer's `output_dir`. Guards, state, requests and `on_run_end` work as under
    `callsheet train`. `overrides` may set only plugins and the outbox, as in `["plugins.bema.update_freq=50"]`. Call
    `attach` on every rank. Raises `CallsheetError` for an unknown plugin, a wrong setting, or a second `attach`.

    >>> callsheet.attach(trainer, "bema", "csv_metrics", overrides=["plugins.bema.update_freq=50"])
    >>> trainer.train()
    """
    if getattr(trainer, "callsheet_bridge", None) is not None:
        raise CallsheetError("This trainer has its plugins already. Name all of them in one attach(trainer, ...).")
    bridge = _bridge(plugins, overrides)
    bridge.meet(trainer)
    for callback in (bridge, *bridge.session.lineup.add_callbacks(bridge.session.state)):
        trainer.add_callback(callback)


def callbacks(*plugins: str | Plugin, overrides: Sequence[str] = ()) -> list[TrainerCallback]:
    """Return callbacks that do the same as `attach`, for `Trainer(..., callbacks=[...])`.

    Use it if other code builds the Trainer and takes callbacks. If you have the trainer, use `attach`: a Trainer does
    not tell its callbacks which trainer they serve, so Callsheet has to search for it.

    >>> Trainer(model, args, callbacks=callsheet.callbacks("bema", "csv_metrics"))
    """
    bridge = _bridge(plugins, overrides)
    return [bridge, *bridge.session.lineup.add_callbacks(bridge.session.state)]


def _bridge(plugins: Sequence[str | Plugin], overrides: Sequence[str]) -> ScriptBridge:
    from callsheet.preflight.preflight import require
    from callsheet.records import LogContext, PreflightReport
    from callsheet.run.script_bridge import ScriptBridge
    from callsheet.session.session import Session

    config = _composed(plugins, overrides)
    names = [plugin for plugin in plugins if isinstance(plugin, str)]
    session = Session(LogContext(Path()), _made(config, plugins, overrides), outbox=_outbox(config))
    report = PreflightReport(deprecations.selected_twice(names))
    deprecations.tell_renamed_plugins(names)
    session.lineup.hooks.preflight(ctx=session.ctx, report=report)
    require(report)
    return ScriptBridge(session)


def _composed(plugins: Sequence[str | Plugin], overrides: Sequence[str]) -> DictConfig:
    from callsheet.config.compose import compose

    if isinstance(overrides, str):
        raise CallsheetError(f"overrides must be a list of strings, got the string {overrides!r}.")
    for wrong in (plugin for plugin in plugins if not isinstance(plugin, (str, Plugin))):
        raise CallsheetError(
            f"{wrong!r} is neither the name nor an instance of a plugin. Unpack a list with *; call a class with ()."
        )
    for override in overrides:
        if not override.lstrip("+~").startswith(("plugins.", "outbox.", "plugins_lock=")):
            said = "a script takes overrides of plugins.*, outbox.* and plugins_lock only."
            raise CallsheetError(f"{override!r} cannot be set here: {said}")
    names = [plugin for plugin in plugins if isinstance(plugin, str)]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise CallsheetError(f"Plugin {twice!r} is given twice.")
    try:
        return compose([f"plugins=[{','.join(names)}]", *overrides])
    except CallsheetError as error:
        raise error from None  # a script shows a traceback, and Hydra's would stand above it, over several screens


def _made(config: DictConfig, plugins: Sequence[str | Plugin], overrides: Sequence[str]) -> dict[str, Plugin]:
    from callsheet.config.plan import make_plugins

    selected = make_plugins(config, overrides)
    made: dict[str, Plugin] = {}
    for plugin in plugins:
        name = plugin if isinstance(plugin, str) else _snake_case(type(plugin).__name__)
        if name in made:
            raise CallsheetError(f"Plugin {name!r} is given twice.")
        made[name] = plugin if isinstance(plugin, Plugin) else selected[name]
    return made


def _outbox(config: DictConfig) -> OutboxSettings:
    from omegaconf import OmegaConf

    from callsheet.settings import check_settings

    settings = cast("OutboxSettings", OmegaConf.to_object(config.outbox))
    check_settings(settings, "outbox")
    return settings


def _snake_case(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
