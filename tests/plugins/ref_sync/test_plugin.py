"""ref_sync: the same reference as TRL's where TRL syncs, and one that every engine keeps and every resume has back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from device_reads import Reads
from runs import Run, same
from safetensors.torch import load_file
from weights_matrix import ADAPTER, launches

from callsheet import CallsheetError, LogContext, LoopState, ManifestRow, PreflightReport
from callsheet.testing.trainers import ROWS, TINY
from callsheet_plugins.ref_sync import RefSync
from callsheet_plugins.ref_sync.blending import blend
from callsheet_plugins.ref_sync.pairs import _check, find
from callsheet_plugins.ref_sync.plugin import sync

ALPHA = 0.6
STALE = {"fsdp2": ["launch.config.reshard_after_forward=false"]}  # what a forward gathered stays


OURS = ("plugins=[witness,observer,ref_sync]", "plugins.ref_sync.ref_model_sync_steps=2")
THEIRS = ("sync_ref_model=true", "ref_model_sync_steps=2", f"ref_model_mixup_alpha={ALPHA}")


def train(folder: Path, *overrides: str, launch: str, sync: tuple[str, ...] = OURS, rows: str = "dpo") -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS[rows] * 4))
    settings = ("plugins.witness.keep_weights=true", "trainer.args.max_steps=6", "trainer.args.learning_rate=1e-2")
    small = (f"trainer={rows}", "dataset.path=rows.jsonl", *TINY)
    return Run(folder, *sync, *settings, *STALE.get(launch, ()), *overrides, launch=launch, small=small)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """An uninterrupted run under an engine, made once."""
    made: dict[str, Run] = {}

    def run(launch: str) -> Run:
        if launch not in made:
            made[launch] = train(tmp_path_factory.mktemp(launch), launch=launch).wait()
        return made[launch]

    return run


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved adapter, to train on."""
    return train(tmp_path_factory.mktemp("adapter"), "peft=lora", launch="single", sync=()).wait().path


@pytest.mark.slow
@pytest.mark.parametrize("launch", launches("ref_sync"))
def test_the_reference_follows_under_every_engine(whole: Callable[[str], Run], launch: str) -> None:
    run = whole(launch)
    weights = [torch.load(run.folder / f"weights-{step}.pt") for step in range(7)]
    references = [torch.load(run.folder / f"reference-{step}.pt") for step in range(7)]
    logged = {row["step"]: row["ref_sync/change"] for row in run.rows("metrics") if "ref_sync/change" in row}
    for step in range(6):
        expected = {name: tensor.detach().clone() for name, tensor in references[step].items()}
        if step in (2, 4):
            squared = [
                blend(tensor.view(-1), weights[step][name].detach().view(-1), ALPHA)
                for name, tensor in expected.items()
            ]
            assert logged[step] == pytest.approx(math.sqrt(sum(map(float, squared))), rel=1e-5)
        assert same(references[step + 1], expected), step
    assert not same(references[0], references[3]) and {*logged} == {2, 4, 6}


@pytest.mark.slow
@pytest.mark.parametrize("launch", launches("ref_sync", but=["single"]))
def test_a_run_killed_on_one_rank_has_its_reference_back(
    whole: Callable[[str], Run], launch: str, tmp_path: Path
) -> None:
    killed = ("+plugins=trouble", "plugins.trouble.how=kill", "plugins.trouble.step=5")
    train(tmp_path, *killed, launch=launch).wait(1)
    again = train(tmp_path, launch=launch).wait()
    assert [event["step"] for event in again.events("resuming")] == [4]
    assert same(again.weights(), whole(launch).weights())
    for path in (whole(launch).path / "checkpoint-6" / "callsheet" / "ref_sync").iterdir():
        assert same(load_file(path), load_file(again.path / path.relative_to(whole(launch).path)))


@pytest.mark.slow
def test_a_reference_in_parts_is_copied_bit_for_bit_too(tmp_path: Path) -> None:
    run = train(tmp_path, "plugins.ref_sync.ref_model_mixup_alpha=1", launch="zero3").wait()
    for step in (2, 4):
        copied, weights = (run.folder / name for name in (f"reference-{step + 1}.pt", f"weights-{step}.pt"))
        assert same(torch.load(copied), torch.load(weights)), step


@pytest.mark.slow
def test_training_equals_that_with_trl_s_own_sync(whole: Callable[[str], Run], tmp_path: Path) -> None:
    theirs = train(tmp_path, *(f"trainer.args.{arg}" for arg in THEIRS), launch="single", sync=()).wait()
    ours, expected = whole("single").weights(), theirs.weights()
    assert all(torch.allclose(ours[name], expected[name], rtol=0, atol=1e-5) for name in ours)


@pytest.mark.slow
@pytest.mark.parametrize("launch", launches("ref_sync", ADAPTER))
def test_of_an_adapter_that_trains_on_the_reference_is_an_adapter(adapter: Path, launch: str, tmp_path: Path) -> None:
    run = train(tmp_path, f"model.path={adapter}", launch=launch).wait()
    (folder,) = {path.parent for path in (run.path / "checkpoint-2").rglob("ref-*.safetensors")}
    saved = {name for path in folder.iterdir() for name in load_file(path)}
    assert saved and all(".ref." in name for name in saved)
    assert len([row for row in run.rows("metrics") if row.get("ref_sync/change", 0) > 0]) == 3


@pytest.mark.slow
def test_a_checkpoint_without_a_reference_is_refused_unless_asked_to_restart(
    whole: Callable[[str], Run], tmp_path: Path
) -> None:
    train(tmp_path, launch="single", sync=()).wait()
    goes_on = (f"resume={tmp_path}/run/checkpoint-6", "trainer.args.max_steps=7", "output_dir=again")
    refused = train(tmp_path, *goes_on, launch="single").wait(2)
    assert "holds no reference model; set plugins.ref_sync.on_missing_state=restart" in refused.output
    restart = "plugins.ref_sync.on_missing_state=restart"
    assert "the run uses its first one again" in train(tmp_path, *goes_on, restart, launch="single").wait().output


def loop_state(folder: Path, reference: Any, **fields: Any) -> LoopState:
    torch.manual_seed(0)
    trainer: Any = SimpleNamespace(ref_model=reference)
    return LoopState(LogContext(folder), print, print, model=torch.nn.Linear(3, 2), trainer=trainer, **fields)


def test_a_reference_comes_back_also_where_the_next_sync_is_further_off(tmp_path: Path) -> None:
    plugin, reference, row = RefSync(ref_model_sync_steps=2), torch.nn.Linear(3, 2), ManifestRow("c", 2, 0.0, tmp_path)
    plugin.on_train_start(loop_state(tmp_path, reference))
    sync(plugin._pairs, 0.5)
    plugin._synced_at = 2
    plugin.on_checkpoint(loop_state(tmp_path, reference), row)
    resumed, again = RefSync(ref_model_sync_steps=10), torch.nn.Linear(3, 2)
    resumed.load_state_dict(plugin.state_dict())
    resumed.on_train_start(loop_state(tmp_path, again, step=2, resumed_from=row))
    assert torch.equal(again.weight, reference.weight)
    with pytest.raises(CallsheetError, match="holds no reference model"):
        resumed.on_train_start(loop_state(tmp_path, again, step=2, resumed_from=replace(row, path=tmp_path / "none")))


def test_a_reference_that_the_engine_cuts_otherwise_is_refused(tmp_path: Path) -> None:
    pairs = find(loop_state(tmp_path, torch.nn.Linear(3, 2)))
    pairs.reference.shards["weight"] = replace(pairs.reference.shards["weight"], start=3, length=3)
    with pytest.raises(CallsheetError, match="keeps other parts of the reference's weight on this rank"):
        _check(pairs)


def test_a_script_that_syncs_as_well_is_refused(tmp_path: Path) -> None:
    args: Any = SimpleNamespace(sync_ref_model=True)
    with pytest.raises(CallsheetError, match="would both sync"):
        RefSync().on_train_start(loop_state(tmp_path, torch.nn.Linear(3, 2), args=args))


def test_the_loss_is_logged_beside_a_sync(run_trainer: Callable[..., Any]) -> None:
    session = run_trainer("dpo", "plugins=[ref_sync]", "plugins.ref_sync.ref_model_sync_steps=1")
    rows = [json.loads(line) for line in (session.run_dir.path / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "loss" in row] == [row["step"] for row in rows if "ref_sync/change" in row]


def test_a_sync_waits_for_no_device_until_its_change_is_asked_for(tmp_path: Path) -> None:
    reference = torch.nn.Linear(3, 2)
    pairs = find(loop_state(tmp_path, reference))
    before = [parameter.detach().clone() for parameter in reference.parameters()]
    with Reads() as reads:
        change = sync(pairs, ALPHA)
        assert reads.found == []
        found = change()
    assert {read.partition(":")[0] for read in reads.found} == {"plugins/callsheet_plugins/ref_sync/plugin.py"}
    moved = [parameter.detach() - old for parameter, old in zip(reference.parameters(), before, strict=True)]
    assert found == pytest.approx(math.sqrt(sum(float(part.square().sum()) for part in moved))) and found > 0


def test_the_change_is_logged_when_the_trainer_logs(run_trainer: Callable[..., Any]) -> None:
    settings = ("plugins.ref_sync.ref_model_sync_steps=1", "trainer.args.logging_steps=2", "trainer.args.max_steps=3")
    session = run_trainer("dpo", "plugins=[ref_sync]", *settings)
    rows = [json.loads(line) for line in (session.run_dir.path / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "ref_sync/change" in row] == [2, 3], "and at the end, what is left"


def test_a_change_of_bfloat16_weights_is_measured_in_float32() -> None:
    reference, policy = torch.full((1000,), 1.0).bfloat16(), torch.full((1000,), 1.0078125).bfloat16()
    assert float(blend(reference, policy, 0.5).sqrt()) == pytest.approx(0.0078125 * 0.5 * math.sqrt(1000))


def test_an_alpha_of_one_copies_the_model_bit_for_bit(run_trainer: Callable[..., Any]) -> None:
    settings = ("plugins.ref_sync.ref_model_sync_steps=1", "plugins.ref_sync.ref_model_mixup_alpha=1")
    session = run_trainer("dpo", "plugins=[ref_sync]", "trainer.args.learning_rate=0.01", *settings)
    reference, trained = session.state.trainer.ref_model.state_dict(), session.state.model.state_dict()
    assert reference.keys() == trained.keys()
    assert all(reference[name].view(torch.uint8).equal(trained[name].view(torch.uint8)) for name in trained)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"trainer": {"name": "dpo", "args": {"sync_ref_model": True}}}, "would both sync"),
        ({"trainer": {"name": "dpo", "args": {"precompute_ref_log_probs": True}}}, "cannot change what"),
        ({"trainer": {"name": "grpo", "args": {}}}, "unless trainer.args.beta is above 0"),
        ({"trainer": {"name": "rloo", "args": {"beta": 0.0}}}, "unless trainer.args.beta is above 0"),
        ({"trainer": {"name": "dpo", "args": {}}, "peft": {"type": "LoraConfig"}}, "which never changes"),
    ],
    ids=str,
)
def test_what_leaves_nothing_to_sync_is_found_before_training(config: dict[str, Any], said: str) -> None:
    report = PreflightReport()
    RefSync().preflight(LogContext(Path(), run_config=config), report)
    assert len(report.problems) == 1 and said in report.problems[0]


@pytest.mark.parametrize(
    "config", [{"name": "dpo"}, {"name": "rloo"}, {"name": "grpo", "args": {"beta": 0.1}}], ids=str
)
def test_trainers_with_a_reference_are_let_through(config: dict[str, Any]) -> None:
    report = PreflightReport()
    RefSync().preflight(LogContext(Path(), run_config={"trainer": config}), report)
    assert not report.problems


@pytest.mark.parametrize(
    "settings", [{"ref_model_sync_steps": 0}, {"ref_model_mixup_alpha": 1.5}, {"ref_model_mixup_alpha": 0.0}]
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(CallsheetError):
        RefSync(**settings)


def test_a_trainer_without_a_reference_is_refused_by_check(callsheet: Callable[..., Any]) -> None:
    done = callsheet("check", "recipe=demo", "plugins=[ref_sync]")
    assert done.returncode == 2
    assert "Plugin 'ref_sync' cannot serve trainer=sft: it compares with no reference model" in done.stderr


def test_it_imports_lightly(imports_lightly: Callable[[str], None]) -> None:
    imports_lightly("callsheet_plugins.ref_sync")
