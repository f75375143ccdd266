"""What is wrong with arms, said once where it is wrong in all of them, and with the names of the arms elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from callsheet.errors import CallsheetError
from callsheet.experiments.arms import Arm
from callsheet.experiments.expanding.chains import STAGES
from callsheet.experiments.expanding.matrix import WHERE as MATRIX
from callsheet.experiments.expanding.methods import ARMS

OVERRIDES = "experiment.overrides"
MOST = 8  # mistakes on a screen
FEW = 3  # arms that one names


class ArmsRefused(CallsheetError):
    """What is wrong with arms; the files that set it are named by now."""


def raise_for(wrong: Mapping[str, Sequence[Arm]], arms: Sequence[Arm], overrides: Sequence[str] = ()) -> None:
    """Raise one error for what is `wrong`, each with the arms that it is wrong in; `arms` are all.

    `overrides` are those that the experiment's file has for all of them.
    """
    said = [line for message, those in wrong.items() for line in _placed(message, those, arms, overrides)]
    if not said:
        return
    more = len(said) - MOST
    text = "\n".join([*said[:MOST], *([f"And {more} more."] if more > 0 else [])])
    raise ArmsRefused(text)


def _placed(message: str, those: Sequence[Arm], arms: Sequence[Arm], overrides: Sequence[str]) -> list[str]:
    """The lines of `message`, each with the arms that it is about, or with the file and line that set it for all."""
    from callsheet.config.origins import located

    lines = about(message, those, arms)
    return [located(line) + _of_override(line, overrides) for line in lines] if _is_common(those, arms) else lines


def about(message: str, those: Sequence[Arm], arms: Sequence[Arm]) -> list[str]:
    """The lines of `message`, with the names of the arms that they are about, unless that is all of them."""
    if _is_common(those, arms):
        return message.split("\n")
    names = _names(those, arms)
    listed = ", ".join(map(repr, names[:FEW])) + (f" and {len(names) - FEW} more" if len(names) > FEW else "")
    place = _of_stage(those, arms) or (place_of(those[0]) if len({arm.method for arm in those}) == 1 else "")
    return [f"{'arm' if len(names) == 1 else 'arms'} {listed}: {line}{place}" for line in message.split("\n")]


def _is_common(those: Sequence[Arm], arms: Sequence[Arm]) -> bool:
    """Whether it is no arm of its own that is to blame; a single one may be."""
    several = len({arm.method for arm in arms}) > 1 or not any(arm.overrides for arm in arms)
    return several and len(those) == len(arms)


def _names(those: Sequence[Arm], arms: Sequence[Arm]) -> list[str]:
    """The methods of which each run is meant, and the other runs."""
    met = {arm.name for arm in those}
    whole = {arm.method for arm in those} - {arm.method for arm in arms if arm.name not in met}
    return [*dict.fromkeys(arm.method if arm.method in whole else arm.name for arm in those)]


def place_of(arm: Arm) -> str:
    """The file and line that list an arm, or the matrix that makes it, if they are known."""
    return _located(f"{ARMS}.{arm.method}", MATRIX)


def _of_stage(those: Sequence[Arm], arms: Sequence[Arm]) -> str:
    """Those of a stage, if it alone is to blame: what an arm itself sets would be wrong in its other stages, too."""
    stages = {arm.stage for arm in those}
    others = {arm.stage for arm in arms} - stages
    return _located(f"{STAGES}.{stages.pop()}") if others and len(stages) == 1 else ""


def _of_override(line: str, overrides: Sequence[str]) -> str:
    """The file and line of the override that names what `line` says there is not, such as 'trainr'."""
    keys = [item.lstrip("+~").partition("=")[0] for item in overrides]
    return next((_located(f"{OVERRIDES}.{key}") for key in keys if f"no setting '{key.partition('.')[0]}'" in line), "")


def _located(*keys: str) -> str:
    from callsheet.config.origins import located

    return next((place for key in keys if (place := located(key).removeprefix(key))), "")
