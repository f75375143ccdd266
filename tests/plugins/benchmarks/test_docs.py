"""The engine and the dispatcher of docs/benchmarks.md do what the page says, installed and through a real courier."""

import os
import re
import sys
from pathlib import Path

import pytest

from callsheet import CallsheetError, LogContext, PreflightReport
from callsheet.outbox.store import FAILED, EntryStore
from callsheet.plugins import entry_points
from callsheet_plugins.benchmarks import Benchmarks, checks

from .conftest import deliver, entries, events, put, result, scored

PAGE = (Path(__file__).parents[3] / "docs" / "benchmarks.md").read_text(encoding="utf-8")
SIZES = {"mine": {"engine": "sizes", "options": {"unit": 2}}}


def install(site, name, points, module, source, version="0.1.0"):
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(points)
    (site / f"{module}.py").write_text(source)
    entry_points.forget()


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of packages, for this process and those that it starts."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH")))))
    yield folder
    for module in [name for name in sys.modules if name.startswith(("odd_", "callsheet_sizes", "callsheet_behind"))]:
        del sys.modules[module]
    entry_points.forget()


@pytest.fixture
def page(site):
    """Install both examples as they stand on the page."""
    projects, modules = (re.findall(rf"```{language}\n(.*?)```", PAGE, re.S) for language in ("toml", "python"))
    for project, module in zip(projects, modules, strict=True):
        name = re.search(r'^name = "(.+)"', project, re.M)[1]
        group, entry, value = re.search(r'entry-points\."([\w.]+)"\]\n(\w+) = "([\w.:]+)"', project).groups()
        install(site, name, f"[{group}]\n{entry} = {value}\n", value.partition(":")[0], module)
    return site


def problems(run_dir, **settings):
    report = PreflightReport()
    checks.check(
        Benchmarks(**settings), LogContext(run_dir, run_config={"trainer": {"args": {"use_cpu": True}}}), report
    )
    return report.problems


def test_the_engine_of_the_page_scores_a_checkpoint(page, run_dir):
    put(run_dir, SIZES, 6)
    deliver(run_dir)
    (entry,) = scored(run_dir)
    assert result(entry)["metrics"] == {"size": 3.0} and result(entry)["tags"]["engine"] == "sizes"


def test_the_dispatcher_of_the_page_runs_a_job(page, run_dir, engine, tmp_path):
    note = f"{tmp_path}/behind"
    words = ["sh", "-c", f'echo yes >> {note}; exec "$@"', "sh"]
    put(run_dir, engine(), dispatch="behind", dispatch_options={"words": words})
    deliver(run_dir)
    (entry,) = scored(run_dir)
    (event,) = events(run_dir, "benchmark_submitted")
    assert result(entry)["metrics"] == {"score": 1.0} and event["where"] == "behind"
    assert Path(note).read_text() == "yes\n"


def test_their_settings_are_checked_before_training(page, run_dir):
    define = {"mine": {"engine": "sizes", "options": {"unti": 2}}}
    said = problems(run_dir, benchmarks=["mine"], define=define, dispatch="behind")
    assert said == [
        "plugins.benchmarks.dispatch_options.words must be set, as in [ssh, node7].",
        "plugins.benchmarks.define.mine.options has no 'unti'. It has: unit.",
    ]


def test_an_unknown_engine_or_dispatcher_is_refused_with_the_nearest_and_those_that_are_installed(page):
    with pytest.raises(
        CallsheetError,
        match=r"engine must be one of command, exact_match, lighteval, lm_eval, sizes, got 'size'\. Did you mean 'sizes'",
    ):
        Benchmarks(define={"mine": {"engine": "size"}})
    with pytest.raises(
        CallsheetError, match=r"dispatch must be one of behind, local, script, slurm, got 'slrm'\. Did you mean 'slurm'"
    ):
        Benchmarks(dispatch="slrm")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "import gone_away\n",
            "Benchmark engine 'odd' from odd-one 2.0 could not be imported: No module named 'gone_away'.",
        ),
        ("class Other: ...\n", "names odd_one:Odd, which does not exist"),
        ("Odd = 3\n", "names odd_one:Odd, which is no class."),
        (
            "class Odd:\n    def command(self, work): ...\n",
            "which has no problems and no results. It needs: problems, command, results.",
        ),
        (
            "class Odd:\n    problems = command = results = print\n    def __init__(self, x): ...\n",
            "could not be made: TypeError",
        ),
    ],
)
def test_a_broken_engine_is_a_problem_with_its_origin(site, run_dir, source, said):
    install(site, "odd-one", "[callsheet.benchmark_engines]\nodd = odd_one:Odd\n", "odd_one", source, version="2.0")
    (problem,) = problems(run_dir, benchmarks=["mine"], define={"mine": {"engine": "odd"}})
    assert problem.startswith("Benchmark 'mine': Benchmark engine 'odd' from odd-one 2.0") and said in problem


def test_a_broken_dispatcher_is_a_problem_with_its_origin(site, run_dir):
    install(site, "odd-two", "[callsheet.benchmark_dispatchers]\nodd = odd_two:Odd\n", "odd_two", "import gone_away\n")
    (problem,) = problems(run_dir, dispatch="odd")
    assert "plugins.benchmarks.dispatch=odd: Benchmark dispatcher 'odd' from odd-two 0.1.0 could not be" in problem


def test_two_packages_with_one_engine_are_both_named(page, run_dir):
    install(page, "other-sizes", "[callsheet.benchmark_engines]\nsizes = callsheet_sizes:Sizes\n", "other_sizes", "")
    (problem,) = problems(run_dir, benchmarks=["mine"], define=SIZES)
    assert "'sizes' is claimed by" in problem and "other-sizes 0.1.0" in problem and "callsheet-sizes" in problem


def test_a_job_whose_engine_was_uninstalled_fails_with_what_to_do(page, run_dir, tmp_path):
    put(run_dir, SIZES)
    for path in page.glob("*sizes*"):
        path.rename(tmp_path / path.name)
    deliver(run_dir)
    (entry,) = entries(run_dir, FAILED)
    assert entry.error.startswith("No benchmark engine named 'sizes' is installed.") and "outbox retry" in entry.advice


def test_a_job_whose_dispatcher_was_uninstalled_fails_with_what_to_do(page, run_dir, engine, tmp_path):
    put(run_dir, engine(), dispatch="behind", dispatch_options={"words": ["env"]})
    for path in page.glob("*behind*"):
        path.rename(tmp_path / path.name)
    deliver(run_dir)
    (entry,) = entries(run_dir, FAILED)
    assert entry.error.startswith("No benchmark dispatcher named 'behind' is installed.") and "retry" in entry.advice


def test_an_entry_of_0_1_0_that_leaves_its_script_to_the_user_is_still_delivered(run_dir, engine):
    put(run_dir, engine(), dispatch="script")
    store = EntryStore(run_dir)
    (path,) = (run_dir / "outbox").glob("*/*.json")
    path.write_text(path.read_text().replace('"dispatch": "script"', '"dispatch": "none"'))
    deliver(run_dir)
    (entry,) = entries(run_dir, "parked")
    assert entry.payload["running"]["dispatch"] == "none" and entry.error.endswith("job.sh") and not store.ids(FAILED)


def test_the_former_name_of_script_is_taken_with_a_warning(caplog):
    from callsheet import deprecations

    deprecations._tell.cache_clear()
    assert Benchmarks(dispatch="none").dispatch == Benchmarks(dispatch="none").dispatch == "script"
    (record,) = caplog.records
    assert "plugins.benchmarks.dispatch=none is called plugins.benchmarks.dispatch=script now" in record.message


def test_a_job_without_options_is_the_one_that_0_1_0_knew():
    from dataclasses import asdict

    from callsheet_plugins.benchmarks.definitions import Benchmark
    from callsheet_plugins.benchmarks.jobs import _digest

    settings = asdict(Benchmark())
    before = {name: value for name, value in settings.items() if name != "options"}
    assert _digest(settings) == _digest(before) != _digest({**settings, "options": {"unit": 2}})
