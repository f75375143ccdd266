"""A stranger's plugin in a fresh environment: wheels instead of the repository, and nothing changed here for it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[1]
EXAMPLE = "examples/callsheet-s3"
TRACKER = "examples/callsheet-swanlab"
VETERAN = "tests/fixtures/callsheet_veteran"  # what was written for 0.1.0, and stays as it is
OURS = ("callsheet", "_callsheet", "__editable__", "__pycache__")  # how names begin that a fresh environment lacks
SMALL = [
    "recipe=demo",
    "trainer.args.max_steps=6",
    "trainer.args.save_steps=2",
    "trainer.args.save_total_limit=null",
    "trainer.args.per_device_train_batch_size=4",
    "plugins.benchmarks.benchmarks=[]",
]
VETERAN_HEARS = {
    *("on_run_start", "native", "on_train_start", "on_step_end", "on_checkpoint", "on_eval", "on_train_end"),
    *("on_revision", "on_benchmark_eval", "on_run_end", "on_experiment_end"),
}

Call = Callable[..., str]


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """Standard output and error of a command that must succeed, away from this environment and its PYTHONPATH."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    env = {**clean, "HF_HUB_OFFLINE": "1", "COLUMNS": "200", **environment}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working tree as git would commit it, in a place where nobody edits while the tests run."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    run("git", "init", "--quiet", cwd=folder)
    run("git", "add", "--all", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheels(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All four wheels, by the name of their distribution."""
    folder = tmp_path_factory.mktemp("wheels")
    flags = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    places = [checkout, *(checkout / package for package in (EXAMPLE, TRACKER, VETERAN))]
    run(sys.executable, "-m", "pip", "wheel", *flags, *places)
    return {wheel.name.partition("-")[0]: wheel for wheel in folder.iterdir()}


@pytest.fixture(scope="module")
def bin_folder(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the commands of a fresh environment are that holds the wheels; what they need lies in this one."""
    folder = tmp_path_factory.mktemp("fresh")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    _link_libraries(folder)
    # With their dependencies, pip might replace a library through its link.
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps", *wheels.values())
    yield folder / "bin"
    shutil.rmtree(folder)  # pytest would keep three of them


def _link_libraries(fresh: Path) -> None:
    """Give a fresh environment every library that is installed in this one, and nothing of the repository."""
    there = Path(run(fresh / "bin" / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    installed = [Path(folder) for folder in sys.path if any(Path(folder).glob("*.dist-info"))]
    for path in (path for folder in installed for path in folder.iterdir()):
        if not path.name.startswith(OURS) and path.suffix != ".pth" and not (there / path.name).exists():
            (there / path.name).symlink_to(path)


@pytest.fixture
def callsheet(bin_folder: Path, tmp_path: Path) -> Call:
    """Run the fresh environment's `callsheet` in an empty folder."""
    return lambda *arguments, **environment: run(bin_folder / "callsheet", *arguments, cwd=tmp_path, **environment)


def test_the_wheel_holds_recipes_demo_and_types(wheels: dict[str, Path], checkout: Path) -> None:
    with zipfile.ZipFile(wheels["callsheet"]) as wheel:
        names = set(wheel.namelist())
    conf = checkout / "conf"
    expected = {path.relative_to(conf).as_posix() for path in conf.rglob("*") if path.is_file()}
    assert {"callsheet_conf/config.yaml", "callsheet_conf/demo/train.jsonl"} <= expected <= names
    assert {"callsheet/py.typed", "callsheet_plugins/py.typed"} <= names
    assert not [name for name in names if name.startswith(("tests/", "examples/"))]


@pytest.mark.parametrize("name", ["callsheet_s3", "callsheet_swanlab"])
def test_the_wheel_of_an_example_is_one_module(wheels: dict[str, Path], name: str) -> None:
    with zipfile.ZipFile(wheels[name]) as wheel:
        assert [file for file in wheel.namelist() if "dist-info" not in file] == [f"{name}.py"]


def test_the_environment_is_consistent(bin_folder: Path) -> None:
    assert "No broken requirements" in run(bin_folder / "python", "-m", "pip", "check")
    where = "import callsheet, callsheet_plugins, callsheet_conf as conf; print(callsheet, callsheet_plugins, conf)"
    assert run(bin_folder / "python", "-c", where).count(f"'{bin_folder.parent}/") == 3


def test_the_plugin_is_listed_with_its_distribution(callsheet: Call) -> None:
    rows = {line.split()[0]: line.split()[1:3] for line in callsheet("plugins").splitlines()}
    assert rows["s3"] == ["callsheet-s3", "0.1.0"]
    assert rows["bema"][0] == "callsheet"


def test_it_is_checked_without_torch(callsheet: Call) -> None:
    url = "plugins.s3.url=file:///shelf/run"
    said = callsheet("check", "recipe=demo", "+plugins=s3", url, PYTHONPROFILEIMPORTTIME="1")
    lines = (line.rpartition("|")[2].strip() for line in said.splitlines() if line.startswith("import time:"))
    imported = {module.partition(".")[0] for module in lines}
    assert "Nothing wrong found." in said and "fsspec" in imported
    assert not imported & {"torch", "transformers", "datasets"}


def test_every_checkpoint_of_a_run_arrives(callsheet: Call, tmp_path: Path) -> None:
    callsheet("train", *SMALL, "+plugins=s3", f"plugins.s3.url=file://{tmp_path}/store", "output_dir=run")
    store = tmp_path / "store"
    assert sorted(folder.name for folder in store.iterdir()) == ["checkpoint-2", "checkpoint-4", "checkpoint-6"]
    for folder in store.iterdir():
        weights = (folder / "model.safetensors").read_bytes()
        assert weights == (tmp_path / "run" / folder.name / "model.safetensors").read_bytes()
        listed = json.loads((folder / "_COMPLETE").read_text())["files"]["model.safetensors"]
        assert listed == {"size": len(weights), "sha256": hashlib.sha256(weights).hexdigest()}
    listed = [line.split()[:3:2] for line in callsheet("outbox", "run").splitlines() if " s3-file" in line]
    assert listed == [["done", "s3"]] * 3, "carried out by the handler of its own"
    ran = {plugin["name"]: plugin for plugin in json.loads((tmp_path / "run" / "run.json").read_text())["plugins"]}
    assert (ran["s3"]["distribution"], ran["s3"]["version"]) == ("callsheet-s3", "0.1.0")


def test_a_plugin_written_for_0_1_0_runs_untouched(callsheet: Call, tmp_path: Path) -> None:
    settings = [f"plugins.veteran.to={tmp_path}/shelf", "outbox.first_delay_seconds=0.05"]
    plugins = ["plugins=[veteran,veteran_everywhere]", *settings, "finish.push=true"]
    said = callsheet("train", *SMALL[:-1], "trainer.args.eval_steps=3", *plugins, "output_dir=run")
    assert "veteran-run" not in said and "Traceback" not in said
    heard = [json.loads(line) for line in (tmp_path / "run" / "veteran.jsonl").read_text().splitlines()]
    assert {row["hook"] for row in heard} >= VETERAN_HEARS
    steps = {hook: [row.get("step") for row in heard if row["hook"] == hook] for hook in VETERAN_HEARS}
    assert steps["on_step_end"] == [1, 2, 3, 4, 5] and steps["on_checkpoint"] == [1, 2, 4, 5], "it asked, and was heard"
    assert sorted(steps["on_revision"]) == [1, 2, 4, 5, 5] and steps["on_train_end"] == [5]
    scores = {(row["name"], row["step"]) for row in heard if row["hook"] == "on_benchmark_eval"}
    assert scores == {("veteran", 2), ("veteran", 4), *(("shipped", step) for step in (1, 2, 4, 5))}
    (end,) = [row for row in heard if row["hook"] == "on_run_end"]
    assert end["status"] == "stopped" and end["error"] is None and end["ids"]["run_id"] == "veteran-run"
    assert (tmp_path / "shelf" / "final" / "config.json").exists()
    assert callsheet("veteran", "run") == f"{len(heard)} lines, API 1, 3 bytes\n"
    assert "wakes the neighbours" in callsheet("check", "recipe=demo", *plugins, "plugins.veteran.loud=true")
    failed = json.loads((tmp_path / "run" / "run.json").read_text())["plugins"]
    assert {plugin["name"]: plugin["version"] for plugin in failed} == dict.fromkeys(
        ("veteran", "veteran_everywhere"), "0.1.0"
    )
    assert "plugin_failed" not in (tmp_path / "run" / "events.jsonl").read_text()


def test_what_it_kept_is_given_back(callsheet: Call, tmp_path: Path) -> None:
    plugins = ["plugins=[veteran]", f"plugins.veteran.to={tmp_path}/shelf", "trainer.args.max_steps=2"]
    callsheet("train", *SMALL[:-1], *plugins, "output_dir=run")
    callsheet("train", *SMALL[:-1], *plugins, "trainer.args.max_steps=4", "output_dir=run")
    heard = [json.loads(line) for line in (tmp_path / "run" / "veteran.jsonl").read_text().splitlines()]
    started = [(row["step"], row["seen"], row["left"]) for row in heard if row["hook"] == "on_train_start"]
    assert started == [(0, 0, None), (2, 2, {"step": 2})]


@pytest.mark.parametrize("package", [EXAMPLE, TRACKER, VETERAN])
def test_its_own_tests_pass_with_the_published_fixtures(
    checkout: Path, bin_folder: Path, tmp_path: Path, package: str
) -> None:
    shutil.copytree(checkout / package / "tests", tmp_path / "tests")  # away from the conftest.py of the repository
    said = run(bin_folder / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=tmp_path)
    assert " passed" in said and "skipped" not in said


def test_the_repository_is_as_it_was(checkout: Path, bin_folder: Path) -> None:
    status = run("git", "status", "--porcelain", "--untracked-files=all", "--ignored", cwd=checkout)
    assert not [line for line in status.splitlines() if not line.startswith("A  ")]
