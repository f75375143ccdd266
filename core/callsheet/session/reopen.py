"""`callsheet outbox drain RUN`: carry out the entries that a dead run left, and announce the results to its plugins."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from callsheet.disk import os_errors, typed
from callsheet.disk.regular import shown
from callsheet.disk.typed import Malformed
from callsheet.errors import CallsheetError, sentences
from callsheet.hooks import Plugin
from callsheet.outbox.counts import counts_of
from callsheet.outbox.settings import OutboxSettings
from callsheet.plugins.lineup import Lineup
from callsheet.process.streams import work_comes_first
from callsheet.records import LogContext
from callsheet.rundir import attempts, rundir, versions
from callsheet.rundir.rundir import RunDir
from callsheet.session.announcer import Announcer
from callsheet.settings import check_settings

NOT_WRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)


def drain(run_dir: Path, seconds: float) -> dict[str, int]:
    """Carry out the outbox of `run_dir`, for at most `seconds`; returns the number of entries in each state.

    Raises `CallsheetError` if the run is alive, because a live run carries out its own outbox.
    """
    with reopened(run_dir, seconds, "draining its outbox"):
        pass
    return counts_of(run_dir)


@contextmanager
def reopened(run_dir: Path, seconds: float = float("inf"), doing: str = "scoring") -> Iterator[LogContext]:
    """Open the dead run at `run_dir` to put entries into its outbox; leaving the block carries them out.

    `doing` says in the lock what for, to whoever finds the run at work.

    Raises `CallsheetError` if the run is alive, does not exist, or its directory cannot be written.
    """
    rundir.require_run(run_dir)
    work_comes_first()
    folder = RunDir(run_dir)
    announcer, settings = _announcer_of(folder)
    folder.open(doing)
    try:
        if killed := attempts.killed(folder.run()):
            folder.update_run(**killed)
        supervisor = announcer.supervise(settings, is_run=False)
        supervisor.open()
        yield announcer.ctx
        supervisor.wait(seconds)
        supervisor.close()
        folder.update_run(ids=announcer.ctx.ids, outbox=counts_of(run_dir))
    except OSError as error:
        if error.errno not in NOT_WRITABLE:
            raise
        raise CallsheetError(f"{os_errors.said(error, run_dir)} Its outbox keeps every entry.") from error
    finally:
        folder.close()


def _announcer_of(folder: RunDir) -> tuple[Announcer, OutboxSettings]:
    """The announcer for the plugins that `config.yaml` lists, and the settings of the outbox."""
    run = folder.run()
    config = folder.config()
    lineup = Lineup(_made(config, run, folder.path / rundir.CONFIG), log=folder.event)
    ids = dict(run.get("ids", {}))
    ctx = LogContext(folder.path, run.get("experiment", ""), run.get("run", ""), config, ids, lineup.publishes)
    ctx.group_name = (run.get("arm") or {}).get("group")
    return Announcer(folder, ctx, lineup), _settings(config, folder.path / rundir.CONFIG)


def _settings(config: Mapping[str, Any], path: Path) -> OutboxSettings:
    """The settings of the outbox; those of a later version are left aside. Raises `CallsheetError`."""
    try:
        made = typed.convert(config.get("outbox") or {}, OutboxSettings, f"{shown(path)}, outbox")
    except Malformed as error:
        raise CallsheetError(f"{error}. {versions.REPAIR}") from error
    check_settings(made, f"{shown(path)}: outbox")
    return made


def _made(config: Mapping[str, Any], run: Mapping[str, Any], path: Path) -> dict[str, Plugin]:
    """The run's plugins, by their settings in `path`. Raises `CallsheetError`, also for what no version ever wrote."""
    from omegaconf.errors import OmegaConfBaseException

    from callsheet.config.hydra_errors import plain

    try:
        return _plugins(config, run)
    except (OmegaConfBaseException, RecursionError) as error:
        raise CallsheetError(f"{shown(path)}: {sentences(str(plain(error)), versions.remedy(run))}") from error


def _plugins(config: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Plugin]:
    """Make the run's plugins again. The configuration of a script lists none; its `run.json` does."""
    from omegaconf import DictConfig, OmegaConf

    from callsheet.config import compose, plan
    from callsheet.plugins import locking
    from callsheet.plugins.registry import installed, load

    compose.register()
    locking.hold(config.get("plugins_lock"))
    nodes = config.get("plugins") or {row["name"]: row["settings"] for row in run.get("plugins", ())}
    typed = {name: OmegaConf.structured(load(name)) for name in nodes if name in installed()}
    # Compose the whole configuration around the plugins, because settings may refer to each other.
    content = {**config, "plugins": typed}
    whole = OmegaConf.create({name: node for name, node in content.items() if name != "hydra"})
    assert isinstance(whole, DictConfig)
    for name in typed:
        whole.plugins[name] = OmegaConf.merge(typed[name], nodes[name])
    return plan.make_plugins(whole)
