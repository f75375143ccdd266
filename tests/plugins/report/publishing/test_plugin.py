"""The page at the end of a run: written of a run that is over, said in the last line, and never in anybody's way."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import warm

from callsheet import CallsheetError, LogContext, LoopState, Plugin, hookimpl
from callsheet.rundir.rundir import RunDir

ONLY = "plugins=[report]"
MODULE = "callsheet_plugins.report.publishing.plugin"


class Fails(Plugin):
    """Fails at the first step."""

    @hookimpl
    def on_step_end(self, state: LoopState, step_idx: int, batch: Any, metrics: Any) -> None:
        raise RuntimeError("no such luck")


class InTheWay(Plugin):
    """Puts a folder where the page would be."""

    @hookimpl
    def on_run_start(self, ctx: LogContext) -> None:
        (ctx.run_dir / "report.html").mkdir()


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno >= logging.WARNING]


def test_the_page_is_of_a_run_that_is_over(run_demo: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    session = run_demo(ONLY)
    place = Path(unquote(urlsplit(session.ctx.remarks["report"].split()[-1]).path))
    assert place == session.run_dir.path / "report.html" and not warnings_in(caplog)
    page = place.read_text()
    assert "completed" in page and "waits for its outbox" not in page
    assert session.run_dir.run()["status"] == "completed"


def test_the_last_line_names_it(tmp_path: Path) -> None:
    run = tmp_path / "a rün"
    steps = ("trainer.args.max_steps=2", "trainer.args.eval_strategy=no", "plugins=[csv_metrics,report]")
    command = [sys.executable, "-m", "callsheet", "train", "recipe=demo", *steps, f"output_dir={run}"]
    done = warm.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"report wrote {(run / 'report.html').as_uri()}"


def test_without_plotly_the_last_line_says_how_to_see_it(
    run_demo: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(f"{MODULE}.find_spec", lambda name: None)
    session = run_demo(ONLY)
    said = session.ctx.remarks["report"]
    assert said.startswith("needs the package plotly: pip install 'callsheet[report]', then callsheet report ")
    assert not (session.run_dir.path / "report.html").exists() and not warnings_in(caplog)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ((), "is a folder, where the page would be"),
        (("plugins.report.timeout_seconds=0.01",), "longer than 0.01 seconds"),
    ],
)
def test_what_fails_is_one_warning(
    run_demo: Callable[..., Any], caplog: pytest.LogCaptureFixture, settings: tuple[str, ...], said: str
) -> None:
    with caplog.at_level(logging.WARNING, "callsheet"):
        session = run_demo(ONLY, *settings, plugins=[InTheWay()])
    (warning,) = [message for message in caplog.messages if "report.html" in message]
    assert said in warning and "To try again: callsheet report " in warning
    assert session.run_dir.run()["status"] == "completed" and "report" not in session.ctx.remarks


def test_a_page_that_dies_says_why(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "callsheet_plugins.report.publishing", str(tmp_path / "none")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr and str(tmp_path / "none") in done.stderr


def test_it_imports_lightly(imports_lightly: Callable[[str], None]) -> None:
    imports_lightly(MODULE)


def test_it_is_published_where_that_is_asked_for(run_demo: Callable[..., Any]) -> None:
    session = run_demo("plugins=[hub_revisions,report]", "plugins.report.push=true")
    run = session.run_dir.path
    page = run / "hub" / "main-step-000000004" / "report.html"
    assert session.ctx.remarks["report"].endswith(f"and published it: {page.as_uri()}")
    assert page.read_bytes() == (run / "report.html").read_bytes()


def test_there_must_be_a_revision_to_put_it_beside(run_demo: Callable[..., Any]) -> None:
    with pytest.raises(CallsheetError, match=r"plugins.report.push=true needs a revision"):
        run_demo(ONLY, "plugins.report.push=true")


def test_a_run_that_failed_has_a_page_too(run_demo: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no such luck"):
        run_demo(ONLY, plugins=[Fails(on_error="raise")])
    assert "failed" in (tmp_path / "run" / "report.html").read_text()
    assert RunDir(tmp_path / "run", is_main=False).run()["status"] == "failed"
