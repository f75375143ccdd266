"""completions: what is sampled of which rows, what is kept of rollouts, and that the training does not notice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from callsheet import Plugin, hookimpl
from callsheet.completions import files
from callsheet.testing.trainers import ROWS

SELECTED = "plugins=[completions]"
DROPOUT = "+model.kwargs.attention_dropout=0.5"
DRAWS = "plugins.completions.generation_config={do_sample: true, max_new_tokens: 6}"
FEW = ("plugins.completions.num_prompts=3", "plugins.completions.batch_size=2")


def evaluates(path: Path, rows: Any = None) -> tuple[str, ...]:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows or ROWS["sft"]))
    return f"dataset.eval_path={path}", "trainer.args.eval_strategy=steps", "trainer.args.eval_steps=1"


def kept(session: Any) -> dict[int, list[dict[str, Any]]]:
    return {step: files.read(session.run_dir, step) for step in files.steps(session.run_dir)}


def end_of(session: Any, step: int = 2) -> tuple[Any, ...]:
    """Weights, optimizer and random states of a checkpoint."""
    folder = session.run_dir.path / f"checkpoint-{step}"
    random_states = torch.load(folder / "rng_state.pth", weights_only=False)
    return load_file(folder / "model.safetensors"), torch.load(folder / "optimizer.pt"), random_states


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool((one == other).all()) if hasattr(one, "all") else bool(one == other)


@pytest.mark.parametrize("trainer", ["dpo", "grpo"])  # tests/plugins/test_observing.py has SFT, and all engines
def test_a_training_is_bit_for_bit_the_same_with_it(observes_only: Any, trainer: str) -> None:
    own = ("plugins.completions.freq=1", "plugins.completions.prompts=fresh", "plugins.completions.sample=true")
    observes_only("completions", DRAWS, *FEW, *own, trainer=trainer)


class Hears(Plugin):
    """Keeps what it is told."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.heard: list[Any] = []

    @hookimpl
    def on_completions(self, ctx: Any, rows: Any, step: int) -> None:
        self.heard.append((step, [row["index"] for row in rows]))


def test_a_resumed_run_samples_what_the_whole_one_sampled(run_trainer: Any, tmp_path: Path) -> None:
    hears = Hears()
    settings = (
        *(DROPOUT, SELECTED, DRAWS, *FEW, "plugins.completions.prompts=fresh", "trainer.args.max_steps=4"),
        *("trainer.args.save_steps=2", *evaluates(tmp_path / "eval.jsonl"), f"dataset.path={tmp_path / 'eval.jsonl'}"),
    )
    whole = run_trainer("sft", *settings, output_dir="whole", plugins=[hears])
    resumed = run_trainer("sft", *settings, f"resume={whole.run_dir.path}/checkpoint-2", output_dir="resumed")
    assert [*kept(whole)] == [1, 2, 3, 4] and kept(resumed) == {
        step: rows for step, rows in kept(whole).items() if step > 2
    }
    assert [step for step, _ in hears.heard] == [1, 2, 3, 4] and len({tuple(places) for _, places in hears.heard}) > 1
    assert len({row["completion"] for rows in kept(whole).values() for row in rows}) > 3


def test_with_freq_each_set_is_sampled_at_every_so_many_steps(run_trainer: Any, tmp_path: Path) -> None:
    easy, hard = tmp_path / "easy.jsonl", tmp_path / "hard.jsonl"
    (
        evaluates(easy),
        evaluates(hard, [{"messages": [{"role": "user", "content": "ab"}, {"role": "assistant", "content": "c"}]}] * 2),
    )
    template = tmp_path / "template.jinja"
    template.write_text("{% for m in messages %}{{ m.content }}{% endfor %}")
    sets = (f"dataset.eval={{easy: {easy}, hard: {hard}}}", f"model.chat_template={template}")
    session = run_trainer("sft", SELECTED, "plugins.completions.freq=2", *FEW, *sets)
    found = kept(session)
    assert [*found] == [2]
    assert [(row["source"], row["index"]) for row in found[2]] == [
        *(("easy", place) for place in range(3)),
        ("hard", 0),
        ("hard", 1),
    ]
    assert found[2][-1]["prompt"] == [{"role": "user", "content": "ab"}]
    assert "5 completions of 1 step" in session.ctx.remarks["completions"]


def test_at_an_evaluation_each_set_is_sampled_once(run_trainer: Any, tmp_path: Path) -> None:
    easy, hard = tmp_path / "easy.jsonl", tmp_path / "hard.jsonl"
    evaluates(easy), evaluates(hard)
    hears = Hears()
    sets = (f"dataset.eval={{easy: {easy}, hard: {hard}}}", *evaluates(tmp_path / "e")[1:], "finish.evaluate=true")
    session = run_trainer("sft", SELECTED, *FEW, *sets, plugins=[hears])
    assert [step for step, _ in hears.heard] == [1, 1, 2, 2]
    assert [row["source"] for row in kept(session)[2]] == ["easy"] * 3 + ["hard"] * 3


def test_a_run_without_evaluations_samples_once_at_its_end(run_trainer: Any, tmp_path: Path) -> None:
    data, *_ = evaluates(tmp_path / "eval.jsonl")
    assert [*kept(run_trainer("sft", SELECTED, *FEW, data))] == [2]


@pytest.mark.parametrize("trainer", ["grpo", "rloo"])
def test_rollouts_are_kept_with_rewards_and_advantages_and_nothing_is_generated(
    run_trainer: Any, tmp_path: Path, trainer: str
) -> None:
    settings = (SELECTED, *evaluates(tmp_path / "eval.jsonl", ROWS[trainer][:2]), "plugins.completions.num_rollouts=3")
    found = kept(
        run_trainer(
            trainer, *settings, "trainer.args.num_generations_eval=2", "trainer.args.per_device_eval_batch_size=2"
        )
    )
    assert [*found] == [1, 2]
    for rows in found.values():
        rollouts = [row for row in rows if row["source"] == "rollouts"]
        assert [row["index"] for row in rollouts] == [*range(len(rollouts))] and 0 < len(rollouts) <= 3
        assert all({*row["rewards"]} == {"length"} and isinstance(row["advantage"], float) for row in rollouts)
        assert all(row["rewards"]["length"] is not None for row in rows if row["source"] == "eval")
        assert len([row for row in rows if row["source"] == "eval"]) == 3


def test_rollouts_are_kept_every_freq_steps(run_trainer: Any) -> None:
    found = kept(
        run_trainer(
            "grpo",
            SELECTED,
            "plugins.completions.freq=3",
            "trainer.args.max_steps=6",
            "plugins.completions.num_rollouts=null",
        )
    )
    assert [*found] == [3, 6]


def test_scorers_make_columns_and_their_failures_cost_nothing(
    run_trainer: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    (tmp_path / "marks_of_mine.py").write_text(
        "import random\ndef size(prompt, completion): return random.random() * 0 + len(prompt)\n"
        "def fails(prompt, completion): raise KeyError('no')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    settings = (DROPOUT, *evaluates(tmp_path / "eval.jsonl"))
    bare = run_trainer("sft", "plugins=[]", *settings, output_dir="bare")
    scorers = "plugins.completions.scorers=[marks_of_mine.size,marks_of_mine.fails]"
    session = run_trainer("sft", SELECTED, *FEW, scorers, *settings)
    assert [row["scores"] for row in kept(session)[2]] == [
        {"size": len(row["prompt"]), "fails": None} for row in ROWS["sft"][:3]
    ]
    assert (
        "Scorer fails failed on 6 of 6 completions, first with: KeyError: 'no'." in session.ctx.remarks["completions"]
    )
    assert same(end_of(bare), end_of(session))


def test_what_cannot_be_sampled_is_said_and_the_run_goes_on(run_trainer: Any, tmp_path: Path, caplog: Any) -> None:
    beyond = "plugins.completions.generation_config={max_new_tokens: 2, forced_eos_token_id: 100000}"
    session = run_trainer("sft", SELECTED, beyond, *evaluates(tmp_path / "eval.jsonl"))
    assert session.result.status == "completed" and kept(session) == {}
    assert "The completions of step 1 are not sampled: index 100000 is out of bounds" in caplog.text
    assert session.ctx.remarks["completions"].endswith("and could not sample at 2 steps.")


@pytest.mark.slow
@pytest.mark.parametrize("launch", ["ddp", "zero3", "fsdp2"])
def test_on_two_processes_each_prompt_is_answered_once(tmp_path: Path, launch: str) -> None:
    from runs import Run

    seven = ("plugins.completions.num_prompts=7", "plugins.completions.batch_size=2", "trainer.args.eval_steps=2")
    run = Run(tmp_path, "plugins=[witness,observer,completions]", DRAWS, *seven, launch=launch).wait()
    for step in (2, 4, 6):
        rows = [json.loads(line) for line in (run.path / "completions" / f"{step}.jsonl").read_text().splitlines()]
        assert [row["index"] for row in rows] == [*range(7)]
