"""Overrides methods of a Trainer in a subclass of its class, instead of replacing them on the object."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def extended(trainer_class: type[Any], mixin: type[Any]) -> type[Any]:
    """A subclass of `trainer_class` in which the methods of `mixin` come first; it keeps the name of `trainer_class`.

    TRL writes the name of the class into model cards, and Trainer writes it into logs.
    """
    names = ("__module__", "__qualname__", "__doc__")
    return type(trainer_class.__name__, (mixin, trainer_class), {name: getattr(trainer_class, name) for name in names})


def extend(trainer: Any, mixin: type[Any]) -> None:
    """Give the finished `trainer` the methods of `mixin`; a second call with the same `mixin` changes nothing.

    Methods of `mixin` call the trainer's own with `super()`. Several mixins add up; the last one added comes first.

    >>> extend(state.trainer, Timed)  # class Timed: def evaluate(self, *args, **kwargs): ... super().evaluate(...)
    """
    if not isinstance(trainer, mixin):
        trainer.__class__ = extended(type(trainer), mixin)  # type: ignore[arg-type]  # classes are hashable
