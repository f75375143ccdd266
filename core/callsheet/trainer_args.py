"""The arguments of a trainer's configuration class, read from its source: importing it would take seconds."""

from __future__ import annotations

import ast
import builtins
import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from callsheet.errors import CallsheetError, did_you_mean

# What the run decides, and what to set instead.
OWNED = {
    "output_dir": "the run directory is chosen with output_dir=.",
    "resume_from_checkpoint": "say where to go on from with resume=.",
    "hub_token": "it would be stored in clear; set the HF_TOKEN environment variable.",
    "push_to_hub": "Trainer's own push blocks training and uploads training_args.bin; select a plugin that publishes.",
}
SIMPLE: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}
WORDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text", "None": "null"}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Argument:
    """One argument of a configuration class; `default` is source text, empty where there is none."""

    name: str
    annotation: str
    default: str
    help: str
    choices: tuple[str, ...] | None
    defined_in: str

    @cached_property
    def types(self) -> frozenset[str]:
        """Names of the simple types that are accepted, or nothing when others are among them."""
        found = frozenset(_members(ast.parse(f"({self.annotation})", mode="eval").body))
        found |= {"None"} if self.default == "None" else frozenset()
        return found if found <= {*SIMPLE, "None"} else frozenset()


def read_arguments(config_class: str) -> dict[str, Argument]:
    """Every argument of a class such as `trl.SFTConfig`, its bases' included, without importing anything.

    Raises `CallsheetError` when the package is not installed or has no such class.
    """
    lineage = [found for found in _lineage(*_class(config_class)) if found]
    return {argument.name: argument for module, node in lineage for argument in _fields(module, node)}


def problems(args: Mapping[str, Any], config_class: str) -> list[str]:
    """Say what is wrong with `args` as arguments of `config_class`: names, simple types and choices."""
    known = read_arguments(config_class)
    return [said for name, value in args.items() if (said := _problem(name, value, known, config_class))]


def coerce(args: Mapping[str, Any], config_class: str) -> dict[str, Any]:
    """`args` with numbers where YAML left text: it reads 1e-4 as a string."""
    known = read_arguments(config_class)
    return {
        name: float(value) if name in known and _is_written_number(value, known[name].types) else value
        for name, value in args.items()
    }


def _problem(name: str, value: Any, known: Mapping[str, Argument], config_class: str) -> str:
    where = f"trainer.args.{name}"
    if name in OWNED and value not in (None, False):
        return f"{where} belongs to the run: {OWNED[name]}"
    if name not in known:
        if None in _lineage(*_class(config_class)):
            return ""  # A base class is made at run time, and so may be its arguments.
        return f"{config_class} has no argument {name!r}.{did_you_mean(name, known)} ({where})"
    argument = known[name]
    if argument.types and not _fits(value, argument.types):
        wanted = " or ".join(WORDS[type_] for type_ in sorted(argument.types, key=[*WORDS].index))
        return f"{where} must be {wanted}, got {value!r}."
    if argument.choices and isinstance(value, (str, int, float)) and str(value) not in argument.choices:
        return f"{where} must be one of {', '.join(argument.choices)}, got {value!r}.{_near(value, argument.choices)}"
    return ""


def _near(value: Any, choices: tuple[str, ...]) -> str:
    if value is False and "no" in choices:
        return " YAML reads no as false; write 'no' in quotes."
    return did_you_mean(str(value), choices)


def _fits(value: Any, types: frozenset[str]) -> bool:
    if value is None or isinstance(value, bool):
        return ("None" if value is None else "bool") in types
    return _is_written_number(value, types) or any(isinstance(value, SIMPLE.get(name, ())) for name in types)


def _is_written_number(value: Any, types: frozenset[str]) -> bool:
    return isinstance(value, str) and "float" in types and "str" not in types and bool(NUMBER.fullmatch(value))


def _members(node: ast.expr) -> Iterator[str]:
    """The members of a union, however it is written; what is no plain name comes as its source."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        yield from (*_members(node.left), *_members(node.right))
    elif isinstance(node, ast.Subscript) and _last_name(node.value) in ("Optional", "Union"):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        yield from (name for item in inner for name in _members(item))
        yield from ["None"] if _last_name(node.value) == "Optional" else []
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from _members(ast.parse(node.value, mode="eval").body)
    else:
        yield ast.unparse(node)


# From here on: reading source.


@dataclass(frozen=True)
class Module:
    """The source of one module: what it defines, and where its other names come from."""

    name: str
    package: str
    source: bytes
    body: list[ast.stmt]

    @cached_property
    def lines(self) -> list[bytes]:
        return self.source.splitlines(keepends=True)

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        # The first of several wins: what follows in an `else` or `except` is the substitute.
        return {node.name: node for node in [*_statements(self.body)][::-1] if isinstance(node, ast.ClassDef)}

    @cached_property
    def origins(self) -> dict[str, tuple[str, str]]:
        """Name in this module → (module, name there); an empty name there stands for the module itself."""
        found: dict[str, tuple[str, str]] = {}
        for node in _statements(self.body):
            found = _imported(node, self.package) | _lazily_imported(node, self.name) | found
        return found

    @cached_property
    def stars(self) -> list[str]:
        imports = (node for node in _statements(self.body) if isinstance(node, ast.ImportFrom))
        return [_absolute(node, self.package) for node in imports if node.names[0].name == "*"]

    def text(self, node: ast.expr) -> str:
        """The source of `node`; `ast.get_source_segment` splits the whole file for each."""
        lines = self.lines[node.lineno - 1 : node.end_lineno]
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        return b"".join(lines).decode()


Found = tuple[Module, ast.ClassDef]


def _class(path: str) -> Found:
    module_name, _, name = path.rpartition(".")
    if not module_name:
        raise CallsheetError(f"'{path}' is not a class of a package; write both, as in 'trl.SFTConfig'.")
    module = _module(module_name)
    if module is None:
        raise CallsheetError(_no_module(path, module_name))
    found = _resolve(module, name)
    if found is None:
        names = [*module.classes, *module.origins]
        raise CallsheetError(f"There is no class '{path}' to configure a trainer.{did_you_mean(name, names)}")
    return found


def _no_module(path: str, module_name: str) -> str:
    package = module_name.partition(".")[0]
    if _spec(package) is None:
        return f"'{path}' needs the package {package}, which is not installed: pip install {package}."
    return f"There is no class '{path}': package {package} has no module '{module_name}'."


def _resolve(module: Module | None, name: str, seen: frozenset[tuple[str, str]] = frozenset()) -> Found | None:
    """Follow `name` from module to module to the class behind it."""
    if module is None or (module.name, name) in seen:
        return None
    if name in module.classes:
        return module, module.classes[name]
    seen |= {(module.name, name)}
    if name in module.origins:
        origin, name_there = module.origins[name]
        return _resolve(_module(origin), name_there, seen)
    return next((found for star in module.stars if (found := _resolve(_module(star), name, seen))), None)


def _lineage(module: Module, node: ast.ClassDef) -> Iterator[Found | None]:
    """A class after its bases, as `dataclass` collects fields; None for a base that its source does not tell."""
    for base in reversed(node.bases):
        if isinstance(base, ast.Subscript) or (isinstance(base, ast.Name) and hasattr(builtins, base.id)):
            continue
        found = _named(module, base)
        yield from _lineage(*found) if found else [None]
    yield module, node


def _named(module: Module, node: ast.expr) -> Found | None:
    """The class that `Name` or `package.Name` means in `module`."""
    root, *rest = ast.unparse(node).split(".")
    if not rest or root not in module.origins:
        return _resolve(module, root) if not rest else None
    inside = ".".join(filter(None, (*module.origins[root], *rest[:-1])))
    return _resolve(_module(inside), rest[-1])


def _fields(module: Module, node: ast.ClassDef) -> Iterator[Argument]:
    if not any(_last_name(decorator).endswith("dataclass") for decorator in node.decorator_list):
        return
    for item in _statements(node.body):
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            if _last_name(item.annotation) in ("ClassVar", "KW_ONLY"):
                continue
            yield _argument(module, item.target.id, item)


def _argument(module: Module, name: str, item: ast.AnnAssign) -> Argument:
    call = item.value if isinstance(item.value, ast.Call) and _last_name(item.value) == "field" else None
    given: dict[str | None, ast.expr | None] = {"default": item.value}
    if call:
        given = {keyword.arg: keyword.value for keyword in call.keywords}
    metadata = _entries(given.get("metadata"))
    return Argument(
        name=name,
        annotation=module.text(item.annotation),
        default=_default(module, given),
        help=str(_literal(metadata.get("help")) or ""),
        choices=_choices(_literal(metadata.get("choices"))) or _enum_choices(module, item.annotation),
        defined_in=module.name,
    )


def _default(module: Module, given: Mapping[str | None, ast.expr | None]) -> str:
    if value := given.get("default"):
        return module.text(value)
    factory = given.get("default_factory")
    if isinstance(factory, ast.Lambda):
        return module.text(factory.body)
    return f"{module.text(factory)}()" if factory else ""


def _choices(listed: Any) -> tuple[str, ...] | None:
    return tuple(str(choice) for choice in listed) if isinstance(listed, (list, tuple)) else None


def _enum_choices(module: Module, annotation: ast.expr) -> tuple[str, ...] | None:
    """What an argument annotated `SomeEnum | str` accepts: transformers makes the enumeration of the text."""
    names = {*_members(annotation)}
    others = [name for name in names - {"str", "None"} if name.isidentifier() and name not in SIMPLE]
    found = _resolve(module, others[0]) if "str" in names and len(others) == 1 == len(names - {"str", "None"}) else None
    if not found or not any(_last_name(base).endswith("Enum") for base in found[1].bases):
        return None
    values = [_literal(item.value) for item in found[1].body if isinstance(item, ast.Assign)]
    return tuple(values) if values and all(isinstance(value, str) for value in values) else None


def _entries(node: ast.expr | None) -> dict[Any, ast.expr]:
    if not isinstance(node, ast.Dict):
        return {}
    return {_literal(key): value for key, value in zip(node.keys, node.values, strict=True)}


def _literal(node: ast.expr | None) -> Any:
    """The value that `node` spells out, or None when it must be computed."""
    try:
        return ast.literal_eval(node) if node else None
    except ValueError:
        return None


def _last_name(node: ast.expr) -> str:
    """The last part of a dotted name, called or subscripted or not."""
    while isinstance(node, (ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements of a body, those under `if TYPE_CHECKING`, `try` and `with` included."""
    for node in body:
        yield node
        if isinstance(node, (ast.If, ast.Try, ast.With)):
            for part in ("body", "handlers", "orelse", "finalbody"):
                yield from _statements(getattr(node, part, []))
        elif isinstance(node, ast.ExceptHandler):
            yield from _statements(node.body)


def _imported(node: ast.stmt, package: str) -> dict[str, tuple[str, str]]:
    if isinstance(node, ast.ImportFrom):
        origin = _absolute(node, package)
        return {alias.asname or alias.name: (origin, alias.name) for alias in node.names if alias.name != "*"}
    if isinstance(node, ast.Import):
        tops = {alias.name.partition(".")[0]: alias.name.partition(".")[0] for alias in node.names if not alias.asname}
        renamed = {alias.asname: alias.name for alias in node.names if alias.asname}
        return {name: (module, "") for name, module in {**tops, **renamed}.items()}
    return {}


def _lazily_imported(node: ast.stmt, module: str) -> dict[str, tuple[str, str]]:
    """The names in `_import_structure = {"submodule": ["Name", …]}`, which lazy modules of Hugging Face are made of."""
    if not (isinstance(node, ast.Assign) and _last_name(node.targets[0]) == "_import_structure"):
        return {}
    listed = {key: _literal(names) or [] for key, names in _entries(node.value).items()}
    return {name: (f"{module}.{key}", name) for key, names in listed.items() for name in names}


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """The module that `from node.module import …` names inside `package`."""
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    return ".".join([*parents[: len(parents) - node.level + 1], *([node.module] if node.module else [])])


def _module(name: str) -> Module | None:
    spec = _spec(name)
    if spec is None:
        return None
    package = name if spec.submodule_search_locations is not None else name.rpartition(".")[0]
    if not (spec.origin or "").endswith(".py"):
        return Module(name, package, b"", [])
    return _parsed(name, package, str(spec.origin), Path(str(spec.origin)).stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _parsed(name: str, package: str, file: str, changed: int) -> Module:
    source = Path(file).read_bytes()
    try:
        return Module(name, package, source, ast.parse(source).body)
    except SyntaxError as error:
        raise CallsheetError(f"{file}, line {error.lineno}: {error.msg}.") from error


def _spec(name: str) -> ModuleSpec | None:
    """Where module `name` lies; `importlib.util.find_spec` would import the packages above it."""
    parent = name.rpartition(".")[0]
    if parent:
        above = _spec(parent)
        # transformers, once imported, leaves a Path in there, which PathFinder passes over in silence.
        folders = [str(folder) for folder in above.submodule_search_locations or []] if above else []
        return PathFinder.find_spec(name, folders)
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
