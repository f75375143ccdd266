"""Problems of reward functions, found in their source."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

from callsheet.config.schema import TrainerSettings
from callsheet.errors import CallsheetError, counted, did_you_mean
from callsheet.introspect.classes import constructor
from callsheet.introspect.modules import Module, find_module, literal, module_spec
from callsheet.rewards.naming import Entry, entry, of_trl

EXAMPLE = "'trainer.rewards=[think_format_reward,pkg.module.function]'"


def problems(trainer: TrainerSettings) -> list[str]:
    """List the problems of the rewards of `trainer`, without importing them."""
    if wrong := _misplaced(trainer):
        return [wrong]
    found: list[str] = []
    seen: list[Entry] = []
    for written in trainer.rewards:
        try:
            one = entry(written)
            if one in seen:
                found.append(_twice(one))
            else:
                _check(one)
            seen.append(one)
        except CallsheetError as error:
            found.append(str(error))
    weights = trainer.args.get("reward_weights")
    if isinstance(weights, Sequence) and trainer.rewards and len(weights) != len(trainer.rewards):
        counts = f"holds {counted(len(weights), 'weight')}, and trainer.rewards {len(trainer.rewards)}"
        found.append(f"trainer.args.reward_weights {counts}.")
    return found


def _misplaced(trainer: TrainerSettings) -> str:
    try:
        takes = constructor(trainer.trainer_class)
    except CallsheetError as error:
        return str(error)
    named = takes is not None and "reward_funcs" in {argument.arg for argument in takes.args + takes.kwonlyargs}
    if named and not trainer.rewards:
        return f"trainer={trainer.name} needs reward functions: {EXAMPLE}. TRL has: {', '.join(of_trl())}."
    if trainer.rewards and takes is not None and not named and not takes.kwarg:
        return f"trainer={trainer.name} takes no reward functions; leave trainer.rewards out."
    return ""


def _twice(entry: Entry) -> str:
    same = " with the same arguments" if entry.arguments else ""
    instead = "Name it once; trainer.args.reward_weights gives it more weight."
    return f"trainer.rewards names {entry.path} twice{same}. {instead}"


def _check(entry: Entry) -> None:
    if entry.is_model:
        return
    if "." not in entry.path and entry.path not in of_trl():
        near = did_you_mean(entry.path, of_trl())
        raise CallsheetError(
            f"TRL has no reward function {entry.path!r}.{near} It has: {', '.join(of_trl())}. "
            "Name your own function as pkg.module.function."
        )
    module = find_module(entry.module)
    if module is None:
        raise CallsheetError(f"trainer.rewards: {no_module(entry.path, entry.module)}")
    found = definition(module, entry.name)
    if found is None and not may_be_dynamic(module):
        _refuse_unknown(entry, module)
    if found is not None:
        _check_definition(entry, *found)


def definition(
    module: Module, name: str, seen: frozenset[tuple[str, str]] = frozenset()
) -> tuple[Module, ast.stmt] | None:
    """Follow the imports of `name` from module to module, to the statement that defines it."""
    if name in module.definitions:
        return module, module.definitions[name]
    origin, name_there = module.origins.get(name, ("", ""))
    if not name_there or (origin, name_there) in seen:
        return None
    there = find_module(origin)
    return definition(there, name_there, seen | {(origin, name_there)}) if there else None


def _check_definition(entry: Entry, module: Module, node: ast.stmt) -> None:
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        if literal(node.value) is not None or isinstance(node.value, ast.JoinedStr):
            said = f"{module.name}, line {node.lineno}, sets it to {ast.unparse(node.value)[:40]}" if node.value else ""
            raise CallsheetError(f"trainer.rewards: {entry.path} is not a function: {said}.")
    elif isinstance(node, ast.ClassDef) and entry.arguments is None:
        raise CallsheetError(
            f"trainer.rewards: {entry.path} is a class. Write {{path: {entry.path}}}, with its arguments, to make one."
        )
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        _check_function(entry, node)


def _check_function(entry: Entry, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    takes = node.args
    names = [argument.arg for argument in (*takes.posonlyargs, *takes.args, *takes.kwonlyargs)]
    if entry.arguments is None:
        if not takes.kwarg:
            raise CallsheetError(
                f"trainer.rewards: {entry.path} must take **kwargs: it is called with prompts, completions, "
                "completion_ids, every other column and trainer_state."
            )
        return
    optional = {argument.arg for argument, value in zip(takes.kwonlyargs, takes.kw_defaults, strict=True) if value}
    optional |= {argument.arg for argument in takes.args[len(takes.args) - len(takes.defaults) :]}
    for name in entry.arguments:
        if name not in names and not takes.kwarg:
            raise CallsheetError(
                f"trainer.rewards: {entry.path} takes no argument {name!r}.{did_you_mean(name, names)}"
            )
    if missing := [name for name in names if name not in optional and name not in entry.arguments]:
        written = ", ".join(f"{name}: …" for name in missing)
        raise CallsheetError(
            f"trainer.rewards: {entry.path} makes a reward function and needs {', '.join(missing)}: "
            f"{{path: {entry.path}, {written}}}."
        )


def _refuse_unknown(entry: Entry, module: Module) -> None:
    if find_module(entry.path):
        raise CallsheetError(f"trainer.rewards: {entry.path} is a module; name a function in it.")
    known = [name for name, node in module.definitions.items() if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    near = did_you_mean(entry.name, [*known, *module.origins])
    raise CallsheetError(f"trainer.rewards: {entry.module} has no {entry.name!r}.{near}")


def may_be_dynamic(module: Module) -> bool:
    return bool(module.stars) or "__getattr__" in module.definitions or not module.source


def no_module(path: str, module: str) -> str:
    """Why there is no `module`, in which `path` would be defined."""
    package = module.partition(".")[0]
    if module_spec(package) is None:
        here = " It lies in this folder, which Python does not search: set PYTHONPATH=." if _is_here(package) else ""
        return f"{path} needs the package {package!r}, which is not installed.{here}"
    return f"package {package!r} has no module {module!r}."


def _is_here(package: str) -> bool:
    return Path(package).is_dir() or Path(f"{package}.py").is_file()
