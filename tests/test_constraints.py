"""The sets of versions that Callsheet is tested with: they keep to pyproject.toml's ranges, and the oldest is the floor."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
FILES = ["constraints.txt", "constraints/oldest.txt", "constraints/vllm.txt"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDED = [Requirement(line) for line in PROJECT["dependencies"]]
# What people pin beside Callsheet, and what it must not ask more of than it needs.
LIBRARIES = ["accelerate", "datasets", "huggingface_hub", "hydra-core", "peft", "transformers", "trl"]


def pins(file: str) -> dict[str, str]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return {pin.name: str(pin.specifier)[2:] for line in lines if line[:1] not in "#" for pin in [Requirement(line)]}


@pytest.mark.parametrize("file", FILES)
def test_every_set_pins_what_callsheet_needs_inside_its_ranges(file):
    pinned = pins(file)
    assert [str(need) for need in NEEDED if not need.specifier.contains(pinned[need.name])] == []


def test_the_oldest_set_holds_the_floors():
    floors = {need.name: min(s.version for s in need.specifier if s.operator == ">=") for need in NEEDED}
    pinned = pins("constraints/oldest.txt")
    assert {name: pinned[name].startswith(floors[name]) for name in LIBRARIES} == dict.fromkeys(LIBRARIES, True)
