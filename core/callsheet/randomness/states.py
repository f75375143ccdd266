"""The random states of a process: Python's, NumPy's, torch's on the CPU and on every device that it uses."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

DEVICES = ("cuda", "xpu", "mps", "npu", "mlu", "musa", "hpu")  # modules of torch, its own and those of extensions


@contextmanager
def random_states_kept() -> Iterator[None]:
    """In this block, draw and seed random numbers as you like: after it, every generator goes on as if nobody had.

    Holds for Python, NumPy, torch's CPU and its devices, on the rank that calls it; no other rank is asked. It does not
    wait for a device. What draws beside training belongs here: an evaluation or a generation that a plain Trainer would
    not have made, and the import of a library that draws, such as rich.

    >>> with random_states_kept():
    ...     answers = model.generate(**prompts, do_sample=True)
    """
    put_back = remember()
    try:
        yield
    finally:
        put_back()


def remember() -> Callable[[], None]:
    """Remember every generator, and return what puts them back; libraries that came meanwhile begin as they do."""
    mine, numpy, torch = random.getstate(), _numpy(), _torch()

    def put_back() -> None:
        random.setstate(mine)
        if found := _loaded("numpy", "random"):
            found.random.set_state(numpy) if numpy else found.random.seed()
        if found := _loaded("torch", "default_generator"):
            torch(found) if torch else found.set_rng_state(found.Generator().get_state())

    return put_back


def device_states(torch: Any) -> dict[str, list[Any]]:
    """The states of the generators of each kind of device that this process uses."""
    return {name: _states(module) for name, module in _devices(torch) if _is_used(module)}


def _numpy() -> Any:
    found = _loaded("numpy", "random")
    return found and found.random.get_state()


def _torch() -> Callable[[Any], None] | None:
    found = _loaded("torch", "default_generator")
    if found is None:
        return None
    seed, state, devices = found.default_generator.initial_seed(), found.get_rng_state(), device_states(found)

    def put_back(torch: Any) -> None:
        was_seeded = torch.default_generator.initial_seed() != seed
        torch.set_rng_state(state)
        for name, module in _devices(torch):
            if name in devices:
                _set(module, devices[name])
            elif _is_used(module) or (was_seeded and module.is_available()):
                _seed(module, seed)  # which torch does when it meets the device first

    return put_back


def _devices(torch: Any) -> Iterator[tuple[str, Any]]:
    for name in DEVICES:
        module = getattr(torch, name, None)
        if hasattr(module, "is_available") and hasattr(module, "get_rng_state"):
            yield name, module


def _is_used(module: Any) -> bool:
    """Whether the process uses the device already; to ask for its state otherwise would take memory there."""
    return bool((getattr(module, "is_initialized", None) or module.is_available)())


def _states(module: Any) -> list[Any]:
    return [*module.get_rng_state_all()] if hasattr(module, "get_rng_state_all") else [module.get_rng_state()]


def _set(module: Any, states: list[Any]) -> None:
    if hasattr(module, "set_rng_state_all"):
        module.set_rng_state_all(states)
    else:
        module.set_rng_state(*states)


def _seed(module: Any, seed: int) -> None:
    getattr(module, "manual_seed_all", module.manual_seed)(seed)


def _loaded(name: str, attribute: str) -> Any:
    module = sys.modules.get(name)
    return module if hasattr(module, attribute) else None
