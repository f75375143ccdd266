"""One arm of an experiment: one run, with everything that makes it differ from the others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Arm:
    """One run. `name` is its folder in the experiment: `<method>`, `<method>__s<seed>` or `<method>__s<seed>__<stage>`.

    `method` is what the experiment's file calls an arm, and what is compared. `overrides` are those of the method, the
    stage and the seed, as they could be typed for a single run. `group` is the method where it has several runs.
    `after` names the arm whose final weights this one begins with. `trial` is its number in a search, whose sampler
    settles the overrides when a worker claims the arm. `weights` says which weights are compared: raw, bema, and so on.
    """

    name: str
    method: str
    overrides: tuple[str, ...] = ()
    group: str | None = None
    seed: int | None = None
    stage: str | None = None
    after: str | None = None
    trial: int | None = None
    weights: str | None = None
