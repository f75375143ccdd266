"""Every file and folder of a run becomes a link to a copy elsewhere: whatever is called then, the copy stays as it is."""

import hashlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import wait_until

from callsheet import Plugin, hookimpl
from callsheet.cli.views import outbox_table
from callsheet.errors import CallsheetError
from callsheet.outbox.courier.lock import LOCK
from callsheet.rundir.rundir import RunDir
from callsheet.session import status
from callsheet.session.reopen import drain

SETTINGS = (
    "plugins=[bema,csv_metrics,hub_revisions,exact_match,completions]",
    "plugins.bema.update_after=1",
    "plugins.bema.update_freq=1",
    "plugins.hub_revisions.artifacts=[bema]",
    "plugins.exact_match.limit=2",
)
SAID = "is a symbolic link"
EVERY = 7  # of the kinds, a resume is tried; all of them take a minute and a half


def kinds(run: Path) -> Iterator[str]:
    """The paths of a run whose courier has ended, one of each kind: names that differ in numbers alone are of one."""
    wait_until(lambda: not (run / "outbox" / LOCK).exists())
    seen: set[str] = set()
    for path in sorted(run.rglob("*")):
        kind = re.sub(r"[0-9a-f]{8,}|\d+", "#", str(path.relative_to(run)))
        if kind not in seen:
            seen.add(kind)
            yield str(path.relative_to(run))


def state(folder: Path) -> dict[str, Any]:
    """All that can be seen of a folder: names, modes, times, contents, and how many names each file has."""
    found = {}
    for at, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            path = os.path.join(at, name)
            about = os.lstat(path)
            is_file = stat.S_ISREG(about.st_mode)
            content = hashlib.sha256(Path(path).read_bytes()).hexdigest() if is_file else ""
            found[path] = (about.st_mode, about.st_mtime_ns, about.st_nlink if is_file else 0, content)
    return found


def plant(whole: Path, folder: Path, name: str) -> Path:
    """A copy of the run `whole` in which `name` is a link to its like in a second copy beside it."""
    for copy in ("run", "outside"):
        shutil.copytree(whole, folder / copy, copy_function=shutil.copy2)
    place = folder / "run" / name
    (shutil.rmtree if place.is_dir() else os.unlink)(place)
    place.symlink_to(folder / "outside" / name)
    return folder / "run"


def look_at(run: Path) -> None:
    """What `callsheet status`, `callsheet outbox RUN` and `callsheet outbox drain RUN` do."""
    status.status_of(run)
    outbox_table.show(run)
    drain(run, 0.0)


def outcome(task: Callable[[], object]) -> str:
    try:
        task()
    except CallsheetError as error:
        return str(error)
    return ""


def test_nothing_outside_is_touched_whatever_of_a_run_is_a_link(run_demo: Any, tmp_path: Path) -> None:
    whole = run_demo(*SETTINGS).run_dir.path
    names = [*kinds(whole)]
    refused = 0
    for number, name in enumerate(names):
        folder = tmp_path / str(number)
        run = plant(whole, folder, name)
        before = state(folder / "outside")
        said = outcome(lambda run=run: look_at(run))
        assert state(folder / "outside") == before, name
        assert not said or (SAID in said and name.partition("/")[0] in said), (name, said)
        refused += bool(said)
        shutil.rmtree(folder)
    assert len(names) > 50 and refused > 15


@pytest.mark.slow
def test_nothing_outside_is_touched_when_such_a_run_is_resumed(run_demo: Any, tmp_path: Path) -> None:
    whole = run_demo(*SETTINGS).run_dir.path
    for number, name in enumerate([*kinds(whole)][::EVERY]):
        folder = tmp_path / str(number)
        plant(whole, folder, name)
        before = state(folder / "outside")
        more = ("trainer.args.max_steps=6", "trainer.args.save_total_limit=1")
        said = outcome(lambda: run_demo(*SETTINGS, *more, output_dir=f"{number}/run"))  # noqa: B023  # called at once
        assert state(folder / "outside") == before, name
        assert not said or SAID in said or "resume" in said, (name, said)
        shutil.rmtree(folder)


class Planter(Plugin):
    """Somebody who shares the directory, and plants links while the run goes on."""

    places: tuple[str, ...] = ()
    outside: str = ""

    @hookimpl
    def on_step_end(self, state: Any, step_idx: int) -> None:
        if step_idx == 3:
            for name in self.places:
                place, target = state.ctx.run_dir / name, Path(self.outside) / "file"
                place.parent.mkdir(parents=True, exist_ok=True)
                place.unlink(missing_ok=True)
                place.symlink_to(target.parent if place.suffix == "" else target)


def planted(run_demo: Any, tmp_path: Path, *places: str) -> str:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("theirs")
    planter = Planter()
    planter.places, planter.outside = places, str(tmp_path / "outside")
    before = state(tmp_path / "outside")
    said = outcome(lambda: run_demo(*SETTINGS, plugins=[planter]))
    assert state(tmp_path / "outside") == before
    return said


def test_what_is_planted_in_the_way_of_a_save_is_not_written_through(run_demo: Any, tmp_path: Path) -> None:
    inside = (
        "model.safetensors",
        "optimizer.pt",
        "trainer_state.json",
        "config.json",
        "callsheet",
        "bema",
        "rng_state.pth",
    )
    top = ("README.md", "model.safetensors", "config.json", "run.json", "all_results.json", "training_args.bin")
    assert planted(run_demo, tmp_path, *(f"checkpoint-4/{name}" for name in inside), *top) == ""
    run = tmp_path / "run"
    assert not [path for path in run.rglob("*") if path.is_symlink()]
    assert (run / "checkpoint-4" / "bema" / "model.safetensors").stat().st_size > 1000
    assert RunDir(run).run()["status"] == "completed"


@pytest.mark.parametrize("place", ["metrics.jsonl", "checkpoints.jsonl", "checkpoint-4"])
def test_a_log_that_becomes_a_link_ends_the_run_with_its_name(run_demo: Any, tmp_path: Path, place: str) -> None:
    said, run = planted(run_demo, tmp_path, place), tmp_path / "run"
    if said:
        assert f"run/{place} is a symbolic link to" in said
    else:  # a file that was written anew at that moment has taken the place of the link
        assert not (run / place).is_symlink() and "checkpoint-4" in (run / "checkpoints.jsonl").read_text()
