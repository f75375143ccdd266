"""Overriding methods of a Trainer in a subclass of whatever class it has, instead of replacing them on the object."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def extended(trainer_class: type[Any], mixin: type[Any]) -> type[Any]:
    """A subclass of `trainer_class` in which the methods of `mixin` come first; it keeps the name of `trainer_class`.

    TRL puts the name of the class into model cards, and Trainer into what it logs.
    """
    names = ("__module__", "__qualname__", "__doc__")
    return type(trainer_class.__name__, (mixin, trainer_class), {name: getattr(trainer_class, name) for name in names})


def extend(trainer: Any, mixin: type[Any]) -> None:
    """Have `trainer`, which is built already, follow the methods of `mixin`; a second time changes nothing.

    Methods of `mixin` reach the trainer's own by `super()`. Several mixins add up, the last one coming first.

    >>> extend(state.trainer, Timed)  # class Timed: def evaluate(self, *args, **kwargs): ... super().evaluate(...)
    """
    if not isinstance(trainer, mixin):
        trainer.__class__ = extended(type(trainer), mixin)  # type: ignore[arg-type]  # classes are hashable
