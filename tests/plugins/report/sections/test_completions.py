import json
import re
from pathlib import Path
from typing import Any

from callsheet_plugins.report.gathered import Report, gather
from callsheet_plugins.report.page.payload import part
from callsheet_plugins.report.sections.completions import BUDGET, section

from ..made import make_experiment, make_run, write_rows

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e\0"


def with_completions(folder: Path, rows: dict[int, list[dict[str, Any]]]) -> Report:
    make_run(folder, steps=4, completions=False)
    (folder / "completions").mkdir()
    for step, said in rows.items():
        write_rows(folder / "completions" / f"{step}.jsonl", said)
    return gather([folder])


def row(prompt: Any = "why?", completion: Any = "so", source: str = "eval", **more: Any) -> dict[str, Any]:
    return {
        "source": source,
        "index": 0,
        "prompt": prompt,
        "completion": completion,
        "rewards": {},
        "scores": {},
        **more,
    }


def html(report: Report) -> str:
    found = section(report)
    assert found
    return str(part(found).html)


def test_a_prompt_has_what_was_said_at_each_step(tmp_path: Path):
    shown = html(with_completions(tmp_path / "run", {1: [row(completion="one")], 20: [row(completion="two")]}))
    assert shown.count("data-asked") == 1
    assert re.findall(r'data-step="(\d+)".*?<div class="text" dir="auto">(\w+)', shown, re.DOTALL) == [
        ("1", "one"),
        ("20", "two"),
    ]


def test_what_a_model_wrote_is_text(tmp_path: Path):
    said = row(HOSTILE, HOSTILE, HOSTILE, scores={HOSTILE: 1.0})
    shown = html(with_completions(tmp_path / HOSTILE.replace("/", "").replace("\0", ""), {1: [said]}))
    assert not set("\x1b\u202e\0") & set(shown)
    assert "<script" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;⟨U+001B⟩[31m⟨U+202E⟩⟨U+0000⟩" in shown


def test_a_conversation_is_shown_by_role(tmp_path: Path):
    said = row([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}])
    shown = html(with_completions(tmp_path / "run", {1: [said]}))
    assert re.findall(r'<p class="role">(\w+)</p>', shown) == ["system", "user"]


def test_a_rollout_has_its_rewards_and_advantage_beside_it(tmp_path: Path):
    said = row(source="rollouts", rewards={"length": 0.25}, advantage=-1.5)
    shown = html(with_completions(tmp_path / "run", {1: [said]}))
    assert "<bdi>length</bdi> 0.25" in shown
    assert "<bdi>advantage</bdi> -1.5" in shown


def test_words_that_are_new_are_marked_and_what_has_not_changed_says_since_when(tmp_path: Path):
    texts = {1: "the cat sat down", 2: "the dog sat down", 3: "the dog sat down"}
    shown = html(with_completions(tmp_path / "run", {step: [row(completion=text)] for step, text in texts.items()}))
    assert re.findall("<mark>(.*?)</mark>", shown) == ["dog "]
    assert "since step 2" in shown


def test_the_page_stays_small_and_says_what_it_leaves_out(tmp_path: Path):
    many = [row(f"prompt {at}", "said " * 500) for at in range(100)]
    shown = html(with_completions(tmp_path / "run", {step: many for step in range(30)}))
    assert BUDGET / 2 < len(shown) < BUDGET * 1.5
    assert "of 30 steps are here" in shown
    assert "more completions of these steps are not shown" in shown
    assert "completions/STEP.jsonl" in shown


def test_of_an_experiment_one_run_is_chosen_or_all_stand_beside_each_other(tmp_path: Path):
    shown = html(gather([make_experiment(tmp_path / "exp", steps=4, eval_every=2)]))
    ids = re.findall(r'<option value="([^"]+)"', shown)
    assert len(ids) == 7
    assert all(f'<div id="{id}">' in shown for id in ids)
    assert '<p class="step">bema-seed-0, step 4</p>' in shown
    assert len(re.findall(r'value="\d+" checked> \w+-seed-0, step 4', shown)) == 2


def test_runs_that_were_asked_other_things_do_not_stand_beside_each_other(tmp_path: Path):
    for name in ("a", "b"):
        with_completions(tmp_path / name, {1: [row(name), row("rolled", source="rollouts")]})
    shown = html(gather([tmp_path]))
    assert len(re.findall(r'<option value="([^"]+)"', shown)) == 2


def test_damaged_files_are_no_fault_of_the_page(tmp_path: Path):
    report = with_completions(tmp_path / "run", {1: [row()], 2: []})
    (tmp_path / "run" / "completions" / "3.jsonl").write_text(json.dumps(row()) + "\n[1, 2]\nnot json\n{}\n{torn")
    (tmp_path / "run" / "completions" / "4.jsonl").mkdir()
    assert 'data-step="3"' in html(gather([tmp_path / "run"]))
    assert report.runs


def test_a_run_without_completions_has_no_such_section(tmp_path: Path):
    assert section(with_completions(tmp_path / "run", {})) is None
