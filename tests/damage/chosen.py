"""Which damages a number stands for: seeded, and weighted towards what the commands read."""

from __future__ import annotations

from random import Random

from damage import odd
from damage.damages import KINDS, LINKS, TIMES, Damage

KEYS = (
    "callsheet",
    "version",
    "entries",
    "revision",
    "extras",
    "again",
    "error",
    "finished_at",
    "overrides",
    "cwd",
    "",
)
RECORDS = (
    "run.json",
    "config.yaml",
    "checkpoints.jsonl",
    "evals.jsonl",
    "events.jsonl",
    "metrics.jsonl",
    "hashes.jsonl",
)
LENGTHS = (0, 1, 2**20, 2**40, 2**63, 2**64 - 1)


def damages(seed: int, number: int, files: list[str], folders: list[str]) -> list[Damage]:
    """The damages of case `number`; `files` and `folders` are those of the run directory, from it on."""
    random = Random(f"{seed}:{number}")
    many = random.choices((1, 2, 3, 5), (70, 15, 10, 5))[0]
    return [_damage(random, files, folders) for _ in range(many)]


def of_checkpoint(seed: int, number: int, files: list[str]) -> list[Damage]:
    """Of case `number`, those that a resume meets while it loads: the manifest tells of none of them."""
    random = Random(f"{seed}:{number}")
    place = random.choice([name for name in files if name.startswith("checkpoint-6/")])
    share, bytes_ = round(random.random(), 6), ["flip", place, round(random.random() ** 4, 6), random.randrange(8)]
    json_ = ["value", place, share, random.choice([*odd.VALUES])]
    makers = [bytes_, bytes_, ["truncate", place, share], ["fill", place, random.choice([*odd.FILLINGS])], json_, json_]
    return [["unlist", "checkpoints.jsonl"], random.choice(makers)]


def _damage(random: Random, files: list[str], folders: list[str]) -> Damage:
    if random.random() < 0.15:
        return _of_folder(random, folders)
    place = _file(random, files)
    makers = [_of_bytes, _of_tree]
    if place.endswith((".json", ".jsonl", ".yaml")):
        makers += [_of_json] * 3
    if place.endswith(".jsonl"):
        makers += [_of_lines]
    if place.endswith(".yaml"):
        makers += [lambda random, place, files: ["yaml", place, random.choice([*odd.YAML])]]
    if place.endswith(".safetensors"):
        makers += [_of_header]
    return random.choice(makers)(random, place, files)


def _file(random: Random, files: list[str]) -> str:
    """Half of them among the records, which are a few of many files."""
    kinds = random.random()
    if kinds < 0.35:
        chosen = [name for name in files if name in RECORDS]
    elif kinds < 0.6:
        chosen = [name for name in files if name.startswith(("outbox/", "benchmarks/", ".lock", "predictions/"))]
    elif kinds < 0.85:
        chosen = [name for name in files if name.startswith(("checkpoint-", "callsheet/"))]
    else:
        chosen = files
    return random.choice(chosen)


def _of_bytes(random: Random, place: str, files: list[str]) -> Damage:
    share = round(random.random(), 6)
    return random.choice(
        (
            ["flip", place, share, random.randrange(8)],
            ["insert", place, share, random.randbytes(random.choice((1, 4, 64))).hex()],
            ["cut", place, share, random.choice((1, 2, 100))],
            ["truncate", place, share],
            ["truncate", place, share],
            ["double", place],
            ["fill", place, random.choice([*odd.FILLINGS])],
            ["fill", place, random.choice([*odd.FILLINGS])],
            ["sparse", place],
        )
    )


def _of_json(random: Random, place: str, files: list[str]) -> Damage:
    share = round(random.random(), 6)
    value = ["value", place, share, random.choice([*odd.VALUES])]
    added = ["add", place, share, random.choice(KEYS), random.choice([*odd.VALUES])]
    return random.choice(
        (value, value, value, ["drop", place, share], ["drop", place, share], added, ["rename_key", place, share])
    )


def _of_lines(random: Random, place: str, files: list[str]) -> Damage:
    share = round(random.random(), 6)
    line = ["line", place, share, random.choice([*odd.LINES])]
    return random.choice(
        (line, line, ["reorder", place, random.randrange(99)], ["repeat", place, share, random.choice((1, 3, 500))])
    )


def _of_header(random: Random, place: str, files: list[str]) -> Damage:
    length = ["header_length", place, random.choice(LENGTHS)]
    return random.choice((length, ["header", place, round(random.random(), 6), random.choice([*odd.VALUES])]))


def _of_tree(random: Random, place: str, files: list[str]) -> Damage:
    return random.choice(
        (
            ["delete", place],
            ["link", place, random.choice(LINKS)],
            ["link", place, random.choice(LINKS)],
            ["replace", place, random.choice(KINDS)],
            ["replace", place, random.choice(KINDS)],
            ["mode", place, random.choice((0, 0o200, 0o400))],
            ["rename", place, random.choice([*odd.NAMES])],
            ["swap", place, random.choice(files)],
            ["time", place, random.choice([*TIMES])],
        )
    )


def _of_folder(random: Random, folders: list[str]) -> Damage:
    place = random.choice(folders)
    stray = ["stray", place, random.choice([*odd.NAMES]), random.choice([*KINDS, *LINKS, *odd.FILLINGS])]
    damages = [stray, stray, stray, ["mode", place, random.choice((0, 0o500, 0o300, 0o600))]]
    if place:
        damages += [
            ["delete", place],
            ["link", place, random.choice(LINKS)],
            ["link", place, random.choice(LINKS)],
            ["replace", place, random.choice(KINDS)],
            ["rename", place, random.choice([*odd.NAMES])],
            ["swap", place, random.choice(folders)],
            ["time", place, random.choice([*TIMES])],
        ]
    return random.choice(damages)
