"""Write the tables of the pages beside it: `python docs/make_tables.py`; a test compares the pages with them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import MISSING, Field, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "docs" / name for name in ("trainers.md", "weights.md", "resume.md", "experiments.md")]
TRAINERS = ROOT / "conf" / "callsheet_conf" / "trainer"


def page(text: str) -> str:
    """`text` with its tables written anew."""
    makers = (trainers, matrix, weights, refused, resume, experiment)
    for name, table in ((maker.__name__, maker()) for maker in makers):
        text = re.sub(rf"(<!-- {name}:.*?-->\n).*?(<!-- /{name} -->)", rf"\1{table}\2", text, flags=re.DOTALL)
    return text


def trainers() -> str:
    rows = [["`trainer=`", "class", "arguments", "columns, one of", "set beside report_to=none"]]
    for name in _matrix().TRAINERS:
        settings = yaml.safe_load((TRAINERS / f"{name}.yaml").read_text(encoding="utf-8"))
        trainer = settings.get("trainer", settings)
        classes = (f"`{trainer[key]}`" for key in ("trainer_class", "config_class"))
        rows.append([name, *classes, ", ".join(f"`{entry}`" for entry in trainer["columns"]), _defaults(settings)])
    return _table(rows)


def matrix() -> str:
    """The adapters that each trainer was tested with under each launch."""
    tested = [*((trainer, "single", peft) for trainer, peft in _matrix().CELLS), *_matrix().LAUNCHED]
    launches = list(dict.fromkeys(launch for _, launch, _ in tested))
    rows = [["", *(f"`launch={launch}`" for launch in launches)]]
    for name in _matrix().TRAINERS:
        cells = ([peft for trainer, at, peft in tested if (trainer, at) == (name, launch)] for launch in launches)
        rows.append([f"`trainer={name}`", *(", ".join(pefts) or "not tested" for pefts in cells)])
    return _table(rows)


def experiment() -> str:
    """What the file of an experiment may say."""
    from callsheet.config.experiment import ExperimentSettings

    return _table([["setting", "default", "meaning"], *map(_of_experiment, fields(ExperimentSettings))])


def _of_experiment(field: Field[Any]) -> list[str]:
    default = field.default if field.default_factory is MISSING else field.default_factory()
    if is_dataclass(default):
        parts = ", ".join(f"`{part.name}`" for part in fields(default))
        return [f"`{field.name}`", "", f"{(default.__doc__ or '').strip()} Settings: {parts}."]
    shown = "" if default in ("", None) else f"`{json.dumps(default)}`"
    return [f"`{field.name}`", shown, str(field.metadata.get("help") or "What it is called; its folder, too.")]


def weights() -> str:
    """What the plugins that touch weights were tested with under each launch."""
    tested = _module("weights_matrix").TESTED
    launches = list(dict.fromkeys(launch for cells in tested.values() for launch in cells))
    rows = [["", *(f"`launch={launch}`" for launch in launches)]]
    for plugin, cells in tested.items():
        rows.append([f"`{plugin}`", *(", ".join(cells.get(launch, ())) or "not tested" for launch in launches)])
    return _table(rows)


def refused() -> str:
    """What `callsheet check` refuses together, by what the plugins say of themselves."""
    from callsheet.plugins.registry import installed, load

    rows = [["plugin", "cannot serve", "because"]]
    for name, found in sorted(installed().items()):
        if found.distribution != "callsheet":
            continue
        reasons: dict[str, list[str]] = {}
        for value, reason in load(name).cannot_serve.items():
            reasons.setdefault(reason, []).append(f"`{value}`")
        rows += [[f"`{name}`", ", ".join(values), reason.rstrip(".")] for reason, values in reasons.items()]
    return _table(rows)


def resume() -> str:
    """What may change when a run resumes or branches."""
    from callsheet.rundir.again.changes import RULES

    rows = [["setting", "when a run resumes", "in a branch", "because"]]
    return _table([*rows, *([rule.what, rule.resume, rule.branch, rule.why] for rule in RULES)])


def _defaults(settings: dict[str, Any]) -> str:
    trainer = settings.get("trainer", settings)
    model = settings.get("model", {}) if "trainer" in settings else {}
    said = {f"trainer.args.{key}": _plain(value) for key, value in trainer["args"].items() if key != "report_to"}
    said |= {f"model.{key}": value for key, value in _flat(model)}
    said |= {f"trainer.tokenize.{key}": value for key, value in trainer.get("tokenize", {}).items()}
    said |= {"trainer.rewards": "to be set"} if trainer.get("rewards") == [] else {}
    return ", ".join(
        f"`{key}`: {str(value).lower() if isinstance(value, bool) else value}" for key, value in said.items()
    )


def _plain(value: Any) -> Any:
    """A value without the mark of a name that some versions write otherwise."""
    return re.sub(r"\$\{callsheet\.any_name:(.*)\}", r"\1", value) if isinstance(value, str) else value


def _flat(settings: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in settings.items():
        yield from _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]


def _table(rows: list[list[str]]) -> str:
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _matrix() -> Any:
    return _module("trainer_matrix")


def _module(name: str) -> Any:
    if (path := str(ROOT / "tests")) not in sys.path:
        sys.path.append(path)
    return import_module(name)


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
