"""What the compiled code and the text of a module tell, without running it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, resolve_name
from types import CodeType

from callsheet.errors import CallsheetError, did_you_mean
from callsheet.introspect.reading import read

OPTIMIZED = 0x1  # inspect.CO_OPTIMIZED: functions have this flag, class bodies do not
IMPORT = re.compile(r"\nimport[ \t]+([^\n#;]+)")
FROM = re.compile(r"\nfrom[ \t]+([\w.]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n#]*)")
# A module that uses one of these may define names that no reader finds.
DYNAMIC = {"__getattr__", "globals", "vars", "exec", "eval", "setattr"}
_known: dict[str, CompiledModule] = {}


@dataclass(frozen=True)
class CompiledModule:
    """One module. Its `text` begins with a line break, because a pattern with `\\n` is faster than one with `^`."""

    name: str
    spec: ModuleSpec
    code: CodeType
    text: str

    @property
    def package(self) -> str:
        return self.name.rpartition(".")[0] if self.spec.submodule_search_locations is None else self.name

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text; line 1 has index 1."""
        return self.text.split("\n")

    def body(self, name: str) -> CodeType | None:
        """The class or function `name` at the top level; the last definition wins, as in a run."""
        return next((body for body in reversed([*bodies(self.code)]) if body.co_name == name), None)

    @cached_property
    def imports(self) -> dict[str, tuple[str, str]]:
        """Map each name imported at the margin (under no `if` or `try`) to its module and its name there.

        The name there is empty for a module. `co_names` sorts out text in docstrings that looks like an import.
        """
        known, found = {*self.code.co_names}, {}
        for source, names in FROM.findall(self.text):
            for there, here in _pairs(names.strip("()")):
                found[here] = (source, there)
        for there, here in (pair for line in IMPORT.findall(self.text) for pair in _pairs(line)):
            found[here.partition(".")[0]] = (there if here != there else there.partition(".")[0], "")
        return {here: (source, there) for here, (source, there) in found.items() if there in known or source in known}

    def imported(self, name: str) -> tuple[str, str] | None:
        """The module and the name there of an import called `name`; the name there is empty for a module."""
        source, there = self.imports.get(name, ("", ""))
        return (self._absolute(source) if source.startswith(".") else source, there) if source else None

    @cached_property
    def missing_packages(self) -> list[str]:
        """Packages imported at the margin that are not installed."""
        tops = {source.partition(".")[0] for source, _ in self.imports.values() if not source.startswith(".")}
        return sorted(top for top in tops - sys.stdlib_module_names if not _find(top))

    def assigned(self, name: str) -> str:
        """The text after `name =` at the margin, if it is one line, or an empty string."""
        found = (
            re.search(rf"\n{name}[ \t]*(?::[^\n=]*)?=[ \t]*([^\n#]+)", self.text)
            if name in self.code.co_names and f"\n{name}" in self.text  # compiling the pattern takes ten times as long
            else None
        )
        return found[1].strip() if found else ""

    def may_define(self, name: str) -> bool:
        """Whether running the module could define `name` in a way that its code does not show."""
        names = {*self.code.co_names}
        return bool(DYNAMIC & names) or ("*",) in self.code.co_consts or self._stores(name)

    def _stores(self, name: str) -> bool:
        import dis

        return name in self.code.co_names and any(
            step.opname in ("STORE_NAME", "STORE_GLOBAL") and step.argval == name
            for step in dis.get_instructions(self.code)
        )

    def _absolute(self, source: str) -> str:
        try:
            return resolve_name(source, self.package)
        except ImportError as error:
            said = f"Its module {self.name!r} cannot import from {source!r}: {error}."
            raise CallsheetError(said) from error


def _pairs(names: str) -> Iterator[tuple[str, str]]:
    """The names after `import`, each with its name here; comments are ignored."""
    for part in re.sub(r"#[^\n]*", "", names).split(",") if "#" in names else names.split(","):
        if words := part.split():
            yield words[0], words[-1]


def look(module: str) -> CompiledModule:
    """Read `module` and its parent packages, because an import would run all of them; returns `module`.

    Raises `CallsheetError` if the import would fail, with the reason.
    """
    for name, spec in _specs(module):
        found = _read(name, spec)
        if missing := found.missing_packages:
            are = "packages {}, which are" if len(missing) > 1 else "package {}, which is"
            raise CallsheetError(f"Needs the {are.format(' and '.join(missing))} not installed.")
    return found


def forget() -> None:
    """Forget all modules, because files have changed."""
    _find.cache_clear()
    _known.clear()


def bodies(code: CodeType) -> Iterator[CodeType]:
    """The classes and functions at the top of `code`. A class with type parameters is inside its own scope."""
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from bodies(const) if const.co_name.startswith("<generic parameters") else [const]


def is_class(body: CodeType) -> bool:
    return not body.co_flags & OPTIMIZED


def no_name(module: CompiledModule, name: str) -> str:
    near = did_you_mean(name, [body.co_name for body in bodies(module.code)])
    return f"Its module {module.name!r} has no class {name!r}.{near}"


def _specs(module: str) -> Iterator[tuple[str, ModuleSpec]]:
    """The parent packages of `module`, then `module` itself, found without an import."""
    path, name = None, ""
    for part in module.split("."):
        # Look up only the last part: for a dotted name, `PathFinder` may read the parent in `sys.modules`.
        spec = _find(part) if path is None else PathFinder.find_spec(part, path)
        if spec is None:
            raise CallsheetError(f"Its module {module!r} is not there.")
        name = f"{name}.{part}".lstrip(".")
        yield name, spec
        # An imported transformers has a Path in this list, and PathFinder ignores anything but str.
        path = [str(folder) for folder in spec.submodule_search_locations or ()]


def _read(name: str, spec: ModuleSpec) -> CompiledModule:
    """Read each module once, because many modules have the same parent packages."""
    if name not in _known:
        _known[name] = CompiledModule(name, spec, *read(spec))
    return _known[name]


@cache
def _find(top: str) -> ModuleSpec | None:
    try:
        return find_spec(top)
    except (ImportError, ValueError):
        return None
