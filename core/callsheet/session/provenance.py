"""Where a run comes from: versions, machine, git state and plugins, written to `run.json`."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import yaml

from callsheet.disk.standing import working_directory
from callsheet.process.environment import without_secrets
from callsheet.rundir import attempts, rundir, versions
from callsheet.rundir.rundir import now
from callsheet.secrets import redact, redact_command, redact_override
from callsheet.values import plain

if TYPE_CHECKING:
    from callsheet.plugins.lineup import Lineup
    from callsheet.records import LogContext
    from callsheet.rundir.rundir import RunDir

PACKAGES = (
    "callsheet",
    "torch",
    "transformers",
    "trl",
    "accelerate",
    "peft",
    "datasets",
    "deepspeed",
    "huggingface_hub",
    "hydra-core",
    "omegaconf",
    "pluggy",
    "safetensors",
)


KEPT = ("branch", "data")  # of the attempts before; the rows until they are compared with those of this one


def write_start(
    run_dir: RunDir,
    ctx: LogContext,
    lineup: Lineup,
    earlier: Mapping[str, Any],
    overrides: Sequence[str] | None = None,
    arm: Mapping[str, Any] | None = None,
) -> None:
    """Write `config.yaml` and `run.json`; `earlier` is the `run.json` of the attempts before this one.

    `overrides` are those of `callsheet train`, its flags among them; None in a script. `arm` says
    which arm of which experiment the run is.
    """
    run_dir.write_text(rundir.CONFIG, yaml.dump(ctx.run_config, Dumper=_Plain, sort_keys=False, allow_unicode=True))
    run_dir.write_json(
        rundir.RUN,
        {
            "format": versions.FORMAT,
            "run": ctx.run,
            "experiment": ctx.experiment,
            "status": "running",
            "started": earlier.get("started", now()),
            **({"arm": arm} if arm else {}),
            "attempts": [*attempts.before(earlier), attempts.this_one()],
            "config": ctx.run_config,
            "ids": ctx.ids,
            **{name: earlier[name] for name in KEPT if name in earlier},
            **provenance(lineup),
            "overrides": None if overrides is None else [redact_override(item) for item in overrides],
        },
    )


class _Plain(yaml.SafeDumper):
    """Writes what YAML has no word for, such as a number of numpy in a plugin's setting, as JSON would have it."""


_Plain.add_multi_representer(object, lambda dumper, value: dumper.represent_data(plain(value)))


def provenance(lineup: Lineup) -> dict[str, Any]:
    """Command, versions, machine, git state and plugins; reads metadata only and imports nothing."""
    return {
        "command": redact_command(sys.argv),
        "cwd": str(working_directory()),
        "versions": {"python": platform.python_version(), **_versions()},
        "host": platform.node(),
        "platform": platform.platform(),
        "git": _git(),
        "plugins": [_plugin(member, order) for order, member in enumerate(lineup.members, start=1)],
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _git() -> dict[str, Any] | None:
    """Commit, branch and number of changed files, for the folder in which the run was started."""
    commit = _git_says("rev-parse", "HEAD")
    if commit is None:
        return None
    changed = (_git_says("status", "--porcelain", "--untracked-files=no") or "").splitlines()
    return {"commit": commit, "branch": _git_says("rev-parse", "--abbrev-ref", "HEAD"), "changed": len(changed)}


def _git_says(*arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", *arguments],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
            env={**without_secrets(os.environ), "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.rstrip("\n")


def _plugin(member: Any, order: int) -> dict[str, Any]:
    import dataclasses

    source = member.source
    return {
        "order": order,
        "name": member.name,
        "distribution": source.distribution if source else None,
        "version": source.version if source else None,
        "entry_point": source.entry_point.value if source else None,
        "class": f"{type(member.plugin).__module__}:{type(member.plugin).__qualname__}",
        "ranks": member.plugin.ranks,
        "on_error": member.guard.on_error,
        "settings": redact(plain({f.name: getattr(member.plugin, f.name) for f in dataclasses.fields(member.plugin)})),
    }
