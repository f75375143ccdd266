"""The report of a plugin that does more than observe: what differs first, what else, and what helps."""

from __future__ import annotations

from collections.abc import Sequence

from callsheet.errors import counted
from callsheet.testing.observing.comparing import Difference

SHOWN = 4
REMEDIES = {
    "random": "Draw and sample in `with random_states_kept():` of callsheet.randomness.",
    "surroundings": "Put it back in the hook that changes it.",
    "modes": "Put each module back into its own mode, also when something raises.",
    "gradients": "Compute under torch.no_grad(), or free the gradients.",
    "weights": "Work on a copy of the weights; `callsheet.sharding.Sharding.borrowed` lends them.",
    "steps": "A plugin that stops a run does not only observe it: choose settings with which it does not.",
}
NAMES = {
    "random": "random states",
    "surroundings": "settings",
    "modes": "modes",
    "gradients": "gradients",
    "weights": "weights",
    "optimizer": "the optimizer",
    "scheduler": "the scheduler",
    "log": "the trainer's log",
    "steps": "the steps taken",
}


def report(plugins: str, run: str, found: Sequence[Difference]) -> str:
    """A few lines on `found`, which is not empty and in the order of time."""
    first = found[0]
    at_once = [each.what for each in found if each.when == first.when]
    lines = [f"{plugins} changes what it observes.", f"{run}, {first.when}: {at_once[0]}."]
    if more := at_once[1:]:
        rest = f", and {counted(len(more) - SHOWN, 'other')}" if len(more) > SHOWN else ""
        lines.append(f"At the same moment: {'; '.join(more[:SHOWN])}{rest}.")
    kinds = list(dict.fromkeys(each.kind for each in found if each.when != first.when))
    if kinds:
        lines.append(f"Later, too: {', '.join(NAMES[kind] for kind in kinds)}.")
    lines += [f"{each.when.capitalize()}: {each.what}." for each in found if each.kind == "log" and each is not first]
    return "\n".join([*lines, *([REMEDIES[first.kind]] if first.kind in REMEDIES else [])])
