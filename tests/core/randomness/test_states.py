"""What is drawn in a block of its own leaves no trace in any generator."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import Any

import numpy
import pytest
import torch

from callsheet.randomness import random_states_kept, states


def drawn() -> list[Any]:
    return [random.random(), float(numpy.random.rand()), float(torch.rand(1))]


def draw() -> None:
    drawn()
    random.seed(1)
    numpy.random.seed(1)
    torch.manual_seed(1)


def test_every_generator_goes_on_as_if_nobody_had_drawn():
    before = states.remember()
    expected = drawn()
    before()
    with random_states_kept():
        draw()
    assert drawn() == expected


def test_they_go_on_so_after_an_exception_too():
    before = states.remember()
    expected = drawn()
    before()
    with pytest.raises(KeyError), random_states_kept():
        draw()
        raise KeyError
    assert drawn() == expected


def test_a_block_in_a_block_has_its_own_numbers():
    with random_states_kept():
        torch.manual_seed(3)
        first = torch.rand(1)
        torch.manual_seed(3)
        with random_states_kept():
            draw()
        assert torch.equal(torch.rand(1), first)


class Device:
    """A device as `torch.cuda` is one, whose generator counts what was drawn."""

    def __init__(self, is_used: bool) -> None:
        self.is_used, self.numbers = is_used, [(0, 0), (0, 0)]

    def is_initialized(self) -> bool:
        return self.is_used

    def is_available(self) -> bool:
        return True

    def get_rng_state(self) -> None: ...

    def get_rng_state_all(self) -> list[Any]:
        assert self.is_used, "would take memory of the device"
        return list(self.numbers)

    def set_rng_state_all(self, numbers: list[Any]) -> None:
        self.numbers = numbers

    def manual_seed_all(self, seed: int) -> None:
        self.numbers = [(seed, 0), (seed, 0)]

    manual_seed = manual_seed_all


@pytest.mark.parametrize("name", ["cuda", "xpu", "npu"])
def test_each_device_that_is_in_use_goes_on_too(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setattr(torch, name, device := Device(is_used=True), raising=False)
    before = list(device.numbers)
    with random_states_kept():
        device.numbers = [(7, 3), (7, 3)]
    assert device.numbers == before


def test_a_device_that_is_first_used_in_the_block_is_seeded_as_torch_would_have(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch, "npu", device := Device(is_used=False), raising=False)
    torch.manual_seed(11)
    with random_states_kept():
        torch.manual_seed(5)
        device.is_used, device.numbers = True, [(5, 9), (5, 9)]
    assert device.numbers == [(11, 0), (11, 0)]


def test_a_device_that_nobody_uses_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch, "npu", device := Device(is_used=False), raising=False)
    with random_states_kept():
        draw_without_seeding = drawn()
    assert draw_without_seeding and device.numbers == [(0, 0), (0, 0)]


def test_it_needs_no_library():
    code = (
        "import sys, random; from callsheet.randomness import random_states_kept\nrandom.seed(1)\n"
        "with random_states_kept(): random.random()\n"
        "assert random.random() == 0.13436424411240122 and not {'torch', 'numpy'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
