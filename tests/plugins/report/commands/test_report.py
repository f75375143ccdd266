"""`callsheet report`: one file beside what it reports, or a sentence."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from privileges import modes_count

from callsheet.errors import CallsheetError
from callsheet_plugins.report.commands.report import report
from callsheet_plugins.report.sections import cost
from plugins.report.made import make_experiment, make_run


def run(*arguments: object) -> str:
    return CliRunner().invoke(report, [*map(str, arguments)], catch_exceptions=False, standalone_mode=False).stdout


def refused(*arguments: object) -> str:
    with pytest.raises(CallsheetError) as caught:
        run(*arguments)
    return str(caught.value)


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_page_lies_beside_what_it_reports_and_nothing_else_changes(tmp_path):
    folder = make_run(tmp_path / "one")
    before = files(tmp_path)
    assert run(folder) == f"{folder}/report.html\n"
    after = files(tmp_path)
    assert b"<title>one" in after.pop(folder / "report.html")
    assert after == before


def test_an_experiment_and_a_folder_of_runs_are_reported(tmp_path):
    assert run(make_experiment(tmp_path / "exp", seeds=1)) == f"{tmp_path}/exp/report.html\n"
    assert run(tmp_path) == f"{tmp_path}/report.html\n"


def test_out_names_the_file_and_makes_its_folder(tmp_path):
    folder, out = make_run(tmp_path / "one"), tmp_path / "pages" / "my page.html"
    assert run(folder, "--out", out) == f"{out}\n"
    assert out.read_bytes().startswith(b"<!doctype html>")
    assert not (folder / "report.html").exists()


def test_a_page_is_replaced_and_an_empty_file_and_nothing_else(tmp_path):
    folder = make_run(tmp_path / "one")
    assert run(folder) == run(folder)
    (tmp_path / "empty").touch()
    assert run(folder, "--out", tmp_path / "empty") == f"{tmp_path}/empty\n"
    before = (folder / "metrics.jsonl").read_bytes()
    said = f"--out={folder}/metrics.jsonl exists, and no report wrote it. Name another file, or remove it first."
    assert refused(folder, "--out", folder / "metrics.jsonl") == said
    (folder / "report.html").write_text("<!doctype html>my own")
    assert refused(folder).endswith("report.html exists, and no report wrote it. Name another file with --out.")
    assert (folder / "metrics.jsonl").read_bytes() == before


def test_only_a_file_is_replaced(tmp_path):
    folder = make_run(tmp_path / "one")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "file").write_text("mine")
    (folder / "report.html").mkdir()
    assert f"such as {tmp_path}/report.html" in refused(folder, "--out", tmp_path)
    assert "/fifo is a FIFO; name a file." in refused(folder, "--out", tmp_path / "fifo")
    assert "/link is a symbolic link; name a file." in refused(folder, "--out", tmp_path / "link")
    assert "--out" in refused(folder, "--out", tmp_path / "file" / "x.html")
    assert "report.html is a folder, where the page would be." in refused(folder)
    assert stat.S_ISFIFO(os.stat(tmp_path / "fifo").st_mode)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_link_in_the_place_of_the_page_is_replaced_and_not_followed(tmp_path):
    folder, target = make_run(tmp_path / "one"), tmp_path / "target"
    target.write_text("mine")
    (folder / "report.html").symlink_to(target)
    run(folder)
    assert target.read_text() == "mine"
    assert not (folder / "report.html").is_symlink()


def test_names_with_bytes_that_are_no_text_are_written(tmp_path):
    folder = make_run(tmp_path / "run \udcff <b>'\" é")
    run(folder)
    assert b"<b>" not in (folder / "report.html").read_bytes().partition(b"</title>")[0]


@pytest.mark.parametrize("content", ["raise ImportError('its <b>numpy</b>\\x1b[2J is gone')", ""])
def test_a_plotly_that_is_broken_or_half_is_named(tmp_path, content):
    (tmp_path / "plotly").mkdir()
    (tmp_path / "plotly" / "__init__.py").write_text(content)
    command = [sys.executable, "-m", "callsheet", "report", str(make_run(tmp_path / "one"))]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("callsheet: The package plotly cannot be imported (") and "\x1b" not in done.stderr
    assert "pip install --force-reinstall 'callsheet[report]'" in done.stderr


def test_without_plotly_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    assert (
        refused(make_run(tmp_path / "one")) == "The report needs the package plotly: pip install 'callsheet[report]'."
    )


def test_it_imports_neither_torch_nor_pandas(tmp_path):
    folder = make_experiment(tmp_path / "exp", seeds=2)
    code = f"""
import sys
from callsheet_plugins.report.commands.report import report
from callsheet_plugins.report.sections import cost
report.main([{str(folder)!r}], standalone_mode=False)
print(sorted({{"torch", "pandas", "transformers", "datasets"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_run_that_one_may_only_read_is_reported_elsewhere(tmp_path):
    folder = make_run(tmp_path / "one")
    folder.chmod(0o555)
    with modes_count():
        assert "Or name another place for the page with --out." in refused(folder)
        assert run(folder, "--out", tmp_path / "one.html") == f"{tmp_path}/one.html\n"


def test_a_folder_that_is_closed_says_who_may_open_it(tmp_path):
    folder = make_run(tmp_path / "closed" / "one")
    folder.parent.chmod(0)
    with modes_count():
        assert refused(folder.parent).startswith(f"{folder.parent} cannot be read: it belongs to ")
    folder.parent.chmod(0o755)


def test_a_mistake_in_one_section_is_told_and_costs_no_other(tmp_path, monkeypatch):
    folder = make_run(tmp_path / "one")
    monkeypatch.setattr(cost, "section", lambda report: {}["<absent>"])
    done = CliRunner().invoke(report, [str(folder)], catch_exceptions=False, standalone_mode=False)
    assert done.return_value == 1
    assert done.stderr.startswith("callsheet: The section 'cost' of the page could not be made. KeyError: '<absent>'")
    page = (folder / "report.html").read_text()
    assert "KeyError: &#39;&lt;absent&gt;&#39; (test_report.py, line" in page
    assert '<section id="events"' in page
