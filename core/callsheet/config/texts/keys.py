"""The keys in YAML text, each with its line."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

PLUGINS, OVERRIDES = "plugins", "overrides"
NULL, BOOL = "tag:yaml.org,2002:null", "tag:yaml.org,2002:bool"
Key = tuple[str, ...]


def lines_of(text: str) -> Iterator[tuple[Key, int]]:
    """Every key in the YAML `text` with its line."""
    return _lines(composed(text))


def nodes_of(text: str) -> Iterator[tuple[str, str, int]]:
    """The whole, which has no key, and every key in the YAML `text`: with "mapping", "list" or "text", and its line."""
    if top := composed(text):
        yield "", _kind(top), top.start_mark.line + 1
        yield from _nodes(top, "")


def _nodes(above: yaml.Node, path: str) -> Iterator[tuple[str, str, int]]:
    for key, value in pairs(above):
        name = f"{path}.{key.value}".lstrip(".")
        yield name, _kind(value), key.start_mark.line + 1
        yield from _nodes(value, name)


def odd_keys(text: str) -> Iterator[tuple[str, str, int]]:
    """Every key that YAML takes for true, false or null: the key that it is below, itself as written, and its line."""
    yield from _odd_keys(composed(text), "")


def _odd_keys(node: yaml.Node | None, above: str) -> Iterator[tuple[str, str, int]]:
    for key, value in pairs(node):
        if key.tag in (NULL, BOOL):
            yield above, str(key.value), key.start_mark.line + 1
        yield from _odd_keys(value, f"{above}.{key.value}".lstrip("."))
    for item in items(node) if isinstance(node, yaml.SequenceNode) else ():
        yield from _odd_keys(item, above)


def _kind(node: yaml.Node) -> str:
    return (
        "mapping" if isinstance(node, yaml.MappingNode) else "list" if isinstance(node, yaml.SequenceNode) else "text"
    )


def _lines(node: yaml.Node | None, above: Key = ()) -> Iterator[tuple[Key, int]]:
    """Every key below `node` with its line; `<<` brings the keys of an anchor along."""
    for key, value in pairs(node):
        if key.value == "<<":
            for anchor in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                yield from _lines(anchor, above)
        elif (*above, key.value) != ("defaults",):
            yield (*above, key.value), key.start_mark.line + 1
            for part in items(value) if (*above, key.value) == (PLUGINS,) else [value]:
                yield from _lines(part, (*above, key.value))
            if key.value == OVERRIDES:
                yield from _overrides(value, (*above, key.value))


def _overrides(node: yaml.Node, above: Key) -> Iterator[tuple[Key, int]]:
    """The settings in a list of overrides, each as a key of its own, dots and all."""
    for item in node.value if isinstance(node, yaml.SequenceNode) else []:
        if isinstance(item, yaml.ScalarNode) and "=" in item.value:
            yield (*above, item.value.lstrip("+~").partition("=")[0]), item.start_mark.line + 1


def items(node: yaml.Node) -> list[yaml.Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else [node]


def pairs(node: yaml.Node | None) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    return iter(node.value if isinstance(node, yaml.MappingNode) else [])


def composed(text: str) -> yaml.Node | None:
    return yaml.compose(text, Loader=yaml.SafeLoader)
