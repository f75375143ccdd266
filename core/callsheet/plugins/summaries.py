"""What an installed entry point says of itself, and why it could not be used, found without importing it."""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import EntryPoint

from callsheet.errors import CallsheetError
from callsheet.introspect.ancestry import CompiledClass, chain, find_compiled
from callsheet.introspect.compiled import is_class
from callsheet.plugins import unimported
from callsheet.plugins.entry_points import Installed
from callsheet.plugins.groups import COMMANDS, PLUGINS


def summary_of(found: Installed) -> str:
    """The first line of the docstring; raises `CallsheetError` with what would stop its import or its use."""
    if problem := found.group.problem_with(found.name) or found.conflict:
        raise CallsheetError(f"{problem[:1].upper()}{problem[1:]}")
    value = EntryPoint.pattern.match(found.entry_point.value)
    if not value or not value["attr"]:
        raise CallsheetError(f"Its entry point {found.entry_point.value!r} is not of the form 'module:Class'.")
    body = find_compiled(value["module"], value["attr"])
    if body is None:
        return ""
    if found.distribution != "callsheet":  # which is of one piece
        for problem in unimported.wrong_imports(body.module):
            raise CallsheetError(problem)
    if found.group is not COMMANDS:
        _check(found, body)
    return body.summary


def _check(found: Installed, body: CompiledClass) -> None:
    """Raise for a class that does not fit its group, as far as can be told."""
    if not is_class(body.body):
        raise CallsheetError(f"Its {found.entry_point.value} is a function, and no class.")
    ancestors = [*chain(body, found.group.parent)]
    known = [ancestor for ancestor in ancestors if isinstance(ancestor, CompiledClass)]
    if found.group.parent:
        if True not in ancestors and None not in ancestors:
            raise CallsheetError(f"Its class {body.body.co_name!r} does not inherit from {_short(found.group.parent)}.")
    elif None not in ancestors:
        _check_methods(found.group.methods, known)
    if found.group is PLUGINS:
        if problem := unimported.init_problem(known[0]):
            raise CallsheetError(_sentence(problem))
        for ancestor in known:
            for problem in filter(None, unimported.problems(ancestor, found.distribution)):
                raise CallsheetError(_sentence(problem))


def _check_methods(wanted: Collection[str], known: list[CompiledClass]) -> None:
    defined = {name for here in known for name in _defined(here)}
    if missing := [name for name in wanted if name not in defined]:
        raise CallsheetError(f"Its class {known[0].body.co_name!r} has no {' and no '.join(missing)}.")


def _defined(here: CompiledClass) -> set[str]:
    abstract = {each.co_name for each in here.functions if "abstractmethod" in here.decorators(each)}
    return {*here.body.co_names} - abstract


def _sentence(problem: str) -> str:
    """What a run would say behind the plugin's name, short enough for a line of the list."""
    word, said = problem.partition(" ")[0], problem.partition(" Hooks: ")[0]
    return f"Its {said}" if word in ("ranks", *unimported.hooks()) else f"{said[:1].upper()}{said[1:]}"


def _short(parent: str) -> str:
    """How authors import it: callsheet.Plugin, callsheet.outbox.Handler."""
    module, _, name = parent.partition(":")
    return f"{module.rpartition('.')[0]}.{name}"
