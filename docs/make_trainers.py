"""Write the tables of trainers.md: `python docs/make_trainers.py`; a test compares the page with them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "trainers.md"
TRAINERS = ROOT / "conf" / "callsheet_conf" / "trainer"


def page(text: str) -> str:
    """`text` with its tables written anew."""
    for name, table in (("trainers", trainers()), ("matrix", matrix())):
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


def _defaults(settings: dict[str, Any]) -> str:
    trainer = settings.get("trainer", settings)
    model = settings.get("model", {}) if "trainer" in settings else {}
    said = {f"trainer.args.{key}": value for key, value in trainer["args"].items() if key != "report_to"}
    said |= {f"model.{key}": value for key, value in _flat(model)}
    said |= {f"trainer.tokenize.{key}": value for key, value in trainer.get("tokenize", {}).items()}
    said |= {"trainer.rewards": "to be set"} if trainer.get("rewards") == [] else {}
    return ", ".join(
        f"`{key}`: {str(value).lower() if isinstance(value, bool) else value}" for key, value in said.items()
    )


def _flat(settings: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in settings.items():
        yield from _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]


def _table(rows: list[list[str]]) -> str:
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _matrix() -> Any:
    folder = str(ROOT / "tests" / "core")
    if folder not in sys.path:
        sys.path.append(folder)
    return import_module("trainer_matrix")


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
