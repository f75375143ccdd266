import re
from pathlib import Path

from callsheet_plugins.report.gathered import Report, gather
from callsheet_plugins.report.page.payload import Part, part
from callsheet_plugins.report.sections.timeline import MOST_LANES, MOST_ROWS, section

from ..made import BEGAN, COMMIT, at, make_experiment, make_run, write_rows


def shown(report: Report) -> Part:
    found = section(report)
    assert found
    return part(found)


def with_checkpoints(folder: Path, count: int, url: str = "https://huggingface.co/me/demo") -> Report:
    make_run(folder, steps=count, log_every=0, eval_every=0, scores=False, checkpoint_every=0)
    rows = list[dict[str, object]]()
    for step in range(1, count + 1):
        name = f"checkpoint-{step}"
        entry = {"id": f"id-{step}", "put_at": BEGAN + step, "payload": {"checkpoint": name, "branch": f"b-{step}"}}
        rows.append({"name": name, "step": step, "epoch": 1.0, "path": name, "files": {}, "entries": [entry]})
        about = {
            "repo": "me/demo",
            "branch": f"b-{step}",
            "commit": COMMIT.format(step),
            "step": step,
            "weights": "raw",
        }
        rows.append({"name": name, "revision": {**about, "url": url}})
    write_rows(folder / "checkpoints.jsonl", rows)
    (folder / "outbox").mkdir(exist_ok=True)
    heard = [{"id": f"id-{step}", "time": at(step + 2)} for step in range(1, count + 1)]
    write_rows(folder / "outbox" / "announced.jsonl", heard)
    return gather([folder])


def test_a_published_checkpoint_links_to_its_page(tmp_path: Path):
    html = str(shown(with_checkpoints(tmp_path / "run", 2)).html)
    assert '<a href="https://huggingface.co/me/demo" rel="noreferrer">0000000000 raw</a>' in html
    assert "2 checkpoints were saved. 2 revisions were published, usually 2 s later (2 s at most)." in html


def test_what_is_no_web_address_is_no_link(tmp_path: Path):
    html = str(shown(with_checkpoints(tmp_path / "run", 1, "javascript:alert(1)")).html)
    assert "0000000000 raw" in html
    assert "<a " not in html
    assert "javascript" not in html


def test_ten_thousand_checkpoints_stay_small_and_it_is_said(tmp_path: Path):
    found = shown(with_checkpoints(tmp_path / "run", 10_000))
    html = str(found.html)
    assert f"{10_000 - MOST_ROWS:,} more are not shown" in html
    assert len(html) + sum(map(len, found.figures.values())) < 500_000
    steps = [int(step) for step in re.findall(r'<th scope="row"[^>]*>(\d+)</th>', html)]
    assert {1, 10_000} <= {*steps}


def test_of_an_experiment_each_run_has_a_row_and_its_tables(tmp_path: Path):
    html = str(shown(gather([make_experiment(tmp_path / "exp", steps=4, checkpoint_every=2)])).html)
    assert html.count('<details class="fold"') == 6
    assert html.count('<th scope="row">') == 6


def test_of_hundreds_of_runs_some_are_drawn_and_it_is_said(tmp_path: Path):
    many = dict.fromkeys(("scores", "completions"), False)
    for number in range(MOST_LANES + 5):
        make_run(tmp_path / "runs" / f"run-{number}", steps=1, log_every=0, eval_every=0, checkpoint_every=0, **many)
    html = str(shown(gather([tmp_path / "runs"])).html)
    assert "5 more runs are not drawn." in html


def test_half_a_run_is_told(tmp_path: Path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text('{"format": 1, "status": "running", "attempts": [{}]}')
    html = str(shown(gather([tmp_path / "run"])).html)
    assert "No checkpoint was completed." in html
