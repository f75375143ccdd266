"""Names of other modules that an import has bound to something else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

from callsheet.errors import listed

MODULES = (
    *("builtins", "os", "io", "json", "time", "random", "signal", "threading", "logging", "warnings", "pathlib"),
    *("subprocess", "shutil", "tempfile", "torch", "transformers", "trl", "datasets", "accelerate", "safetensors"),
)
CLASSES = (
    *("pathlib.Path", "json.JSONEncoder", "json.JSONDecoder", "threading.Thread", "subprocess.Popen"),
    *("torch.Tensor", "torch.nn.Module", "transformers.Trainer"),
)
OF_SYS = ("excepthook", "displayhook", "unraisablehook", "exit", "stdin", "argv", "executable")
CACHES = ("tempdir",)  # which `tempfile` itself fills


def watch() -> Callable[[], Iterator[str]]:
    """Remember what these names mean, and return what tells which mean something else now."""
    before = {name: dict(vars(owner)) for name, owner in _owners()}
    sys_before = {name: getattr(sys, name) for name in OF_SYS}
    others = {name: module for name, module in sys.modules.items() if not _is_pythons(name)}

    def told() -> Iterator[str]:
        owners = dict(_owners())
        changed = [f"{name}.{key}" for name, names in before.items() if name in owners
                   for key in _rebound(names, vars(owners[name]))]  # fmt: skip
        changed += [f"sys.{name}" for name, value in sys_before.items() if getattr(sys, name, None) is not value]
        changed += [name for name in others if sys.modules.get(name) is not others[name]]
        if changed:
            yield f"what {listed(sorted(changed))} means"

    return told


def modules() -> Callable[[], Iterator[str]]:
    """The same for whole modules of Python's own, without which nothing works: the returned function puts them back."""
    before = {name: module for name, module in sys.modules.items() if _is_pythons(name)}

    def back() -> Iterator[str]:
        changed = sorted(name for name, module in before.items() if sys.modules.get(name) is not module)
        sys.modules.update({name: before[name] for name in changed})
        if changed:
            yield f"which module {', '.join(changed)} is"

    return back


def _is_pythons(name: str) -> bool:
    return name.partition(".")[0] in sys.stdlib_module_names


def _owners() -> Iterator[tuple[str, Any]]:
    for name in MODULES:
        if name in sys.modules:
            yield name, sys.modules[name]
    for path in CLASSES:
        module, _, name = path.rpartition(".")
        if found := vars(sys.modules.get(module, sys)).get(name):
            yield path, found


def _rebound(before: dict[str, Any], now: Any) -> list[str]:
    names = (name for name in before if not name.startswith("__") and name not in CACHES)
    return [name for name in names if now.get(name, before[name]) is not before[name]]
