"""Which checkpoints are complete, which are torn, and which one a run resumes from."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from callsheet import Plugin, hookimpl
from callsheet.errors import CallsheetError
from callsheet.records import ManifestRow
from callsheet.rundir import checkpoints
from callsheet.rundir.checkpoints import choose, survey, with_files, with_hashes
from callsheet.rundir.hashes import Hashes
from callsheet.rundir.rundir import RunDir


@pytest.fixture
def run_dir(tmp_path):
    return RunDir(tmp_path)


def save(run_dir, step, *, finished=True):
    """A checkpoint in miniature: what the checks look at is real."""
    import torch
    from safetensors.torch import save_file

    folder = run_dir.path / f"checkpoint-{step}"
    (folder / "callsheet").mkdir(parents=True)
    save_file({"weight": torch.arange(100.0) + step}, folder / "model.safetensors")
    torch.save({"step": step}, folder / "optimizer.pt")
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": step, "epoch": step / 10}))
    (folder / "callsheet" / "plugins.json").write_text("{}")
    row = with_files(ManifestRow(folder.name, step, step / 10, folder))
    if finished:
        checkpoints.record(run_dir, row)
        checkpoints.record(run_dir, with_hashes(row, Hashes(run_dir.path)))
    return folder


def test_the_newest_complete_checkpoint_is_chosen(run_dir):
    save(run_dir, 9)
    save(run_dir, 10)
    save(run_dir, 100, finished=False)
    row, torn = choose("auto", run_dir)
    assert row.step == 10 and row.path == run_dir.path / "checkpoint-10"
    assert [(wreck.name, wreck.fault) for wreck in torn] == [
        ("checkpoint-100", "it was never finished: the manifest does not list it")
    ]


def test_an_empty_directory_has_nothing_to_resume_from(run_dir):
    assert choose("auto", run_dir) == (None, [])


def test_never_looks_at_nothing(run_dir):
    save(run_dir, 10)
    assert choose("never", run_dir) == (None, [])


def test_a_rotated_checkpoint_is_simply_gone(run_dir):
    import shutil

    save(run_dir, 10)
    shutil.rmtree(save(run_dir, 20))
    assert choose("auto", run_dir)[0].step == 10


def damage_truncate(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])


def damage_flip(folder):
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def state_of(text):
    return lambda folder: (folder / "trainer_state.json").write_text(text)


def damage_header(header):
    def damage(folder):
        (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))

    return damage


def damage_remove(folder):
    (folder / "optimizer.pt").unlink()


def damage_state(folder):
    (folder / "callsheet" / "plugins.json").unlink()


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (damage_truncate, "model.safetensors has"),
        (damage_flip, "the content of model.safetensors has changed since it was saved"),
        (damage_remove, "optimizer.pt is missing"),
        (damage_state, "callsheet/plugins.json is missing"),
    ],
)
def test_a_damaged_checkpoint_is_passed_over_and_by_path_refused(run_dir, damage, fault):
    save(run_dir, 10)
    damage(save(run_dir, 20))
    row, torn = choose("auto", run_dir)
    assert row.step == 10 and fault in torn[0].fault
    with pytest.raises(CallsheetError) as refusal:
        choose(str(run_dir.path / "checkpoint-20"), run_dir)
    assert fault in str(refusal.value)
    assert f"The last complete checkpoint is resume={run_dir.path / 'checkpoint-10'}" in str(refusal.value)


def test_a_missing_path_offers_the_last_complete_checkpoint(run_dir):
    save(run_dir, 10)
    with pytest.raises(CallsheetError, match=r"checkpoint-30 does not exist\. The last complete .*checkpoint-10"):
        choose(str(run_dir.path / "checkpoint-30"), run_dir)


@pytest.mark.parametrize("word", ["nver", "RUN/checkpoint-5"])
def test_where_nothing_can_be_offered_it_is_said_what_the_setting_takes(run_dir, word):
    with pytest.raises(CallsheetError, match=r"does not exist\..* takes auto, never, or the path of a checkpoint\."):
        choose(word, run_dir)


def test_a_run_is_no_checkpoint_although_it_holds_weights_and_a_state(run_dir):
    """Below it lies an optimizer, too: that of a checkpoint, which the Trainer would not find."""
    for step in (9, 10):
        save(run_dir, step)
    for name in ("model.safetensors", "trainer_state.json"):
        shutil.copy(run_dir.path / "checkpoint-10" / name, run_dir.path)
    said = f"resume={run_dir.path} is a run. Name one of its checkpoints: resume={run_dir.path}/checkpoint-10."
    with pytest.raises(CallsheetError) as refusal:
        choose(str(run_dir.path), run_dir)
    assert str(refusal.value) == said
    (run_dir.path / "run.json").write_text("{}")
    with pytest.raises(CallsheetError) as refusal:
        choose(str(run_dir.path), run_dir)
    assert str(refusal.value) == f"{said} To go on with this run, set output_dir={run_dir.path}."


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (damage_truncate, "model.safetensors is cut short"),
        (damage_remove, "it holds no optimizer state"),
        (lambda folder: (folder / "model.safetensors").unlink(), "it holds no weights"),
        (state_of("{"), "trainer_state.json: it is no JSON"),
        (state_of("[1]"), "trainer_state.json: it is a list, an object is needed"),
        (state_of("{}"), "trainer_state.json: it has no global_step"),
        (state_of('{"global_step": "10"}'), "trainer_state.json: global_step is text, a whole number is needed"),
        (state_of('{"global_step": -1}'), "trainer_state.json: global_step is -1"),
        (state_of('{"global_step": 10, "log_history": {}}'), "trainer_state.json: log_history is an object"),
        (state_of("[" * 100_000), "trainer_state.json: it is nested deeper"),
        (damage_header(b"[" * 100_000), "model.safetensors is cut short, or its header is damaged"),
        (damage_header(b'{"a": {"dtype": "F32", "shape": [1e999], "data_offsets": [0, 4]}}'), "its header is damaged"),
        (lambda folder: (folder / "optimizer.pt").write_bytes(b"PK"), "optimizer.pt is cut short"),
    ],
)
def test_a_checkpoint_of_a_plain_trainer_is_looked_into(run_dir, damage, fault):
    folder = save(run_dir, 10, finished=False)
    assert choose(str(folder), run_dir)[0].step == 10
    damage(folder)
    with pytest.raises(CallsheetError, match=fault):
        choose(str(folder), run_dir)


def test_a_fifo_in_a_checkpoint_is_no_file(run_dir):
    folder = save(run_dir, 10, finished=False)
    for name in ("model.safetensors", "optimizer.pt", "trainer_state.json"):
        (folder / name).unlink()
        os.mkfifo(folder / name)
        with pytest.raises(CallsheetError, match="cannot be resumed from"):
            choose(str(folder), run_dir)


def test_a_name_that_only_looks_like_a_number_is_no_step(run_dir):
    """Python calls a superscript two a digit, and makes no number of it."""
    (run_dir.path / "checkpoint-²").mkdir()
    (run_dir.path / "checkpoint-").mkdir()
    assert {wreck.name for wreck in survey(run_dir)[1]} == {"checkpoint-²", "checkpoint-"}


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux counts what a process reads.")
def test_a_survey_reads_no_weights(run_dir):
    folder = save(run_dir, 1)
    heavy = folder / "shard.distcp"
    heavy.touch()
    os.truncate(heavy, 64 << 20)  # takes no room on the disk
    row = with_files(checkpoints.manifest(run_dir)["checkpoint-1"])
    checkpoints.record(run_dir, with_hashes(row, Hashes(run_dir.path)))
    before = read_so_far()
    complete, torn = survey(run_dir)
    assert [row.name for row in complete] == ["checkpoint-1"] and not torn
    assert read_so_far() - before < 1 << 20


def read_so_far():
    """How many bytes this process has read, by the kernel's count."""
    counts = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counts["rchar"])


def test_the_last_checkpoint_goes_only_once_the_next_one_is_complete(run_demo):
    seen = []

    class Look(Plugin):
        @hookimpl
        def on_checkpoint(self, state, row):
            seen.append(sorted(path.name for path in state.ctx.run_dir.glob("checkpoint-*")))

    session = run_demo("plugins=[]", "trainer.args.save_total_limit=1", plugins=[Look()])
    assert seen == [["checkpoint-2"], ["checkpoint-2", "checkpoint-4"]]
    assert [path.name for path in session.run_dir.path.glob("checkpoint-*")] == ["checkpoint-4"]


QUIET = "plugins=[]"


def test_a_foreign_line_in_the_manifest_is_passed_over(run_demo):
    session = run_demo(QUIET)
    with (session.run_dir.path / "checkpoints.jsonl").open("a") as file:
        file.write('{"name": "x"}\n5\n')
    (session.run_dir.path / "run.json").write_text(json.dumps({**session.run_dir.run(), "status": "running"}))
    assert run_demo(QUIET).result.status == "completed"


@pytest.mark.parametrize("jump", [-86_400, 0, 86_400])
def test_a_clock_that_is_set_while_a_run_goes_on_does_not_make_the_newest_checkpoint_the_oldest(run_dir, jump):
    from transformers.trainer_utils import rotate_checkpoints

    for number, step in enumerate((2, 4, 6)):
        (folder := run_dir.path / f"checkpoint-{step}").mkdir()
        at = 1_000_000 + 100 * number + jump * (number == 2)
        os.utime(folder, (at, at))
        checkpoints.make_latest(folder)
        rotate_checkpoints(str(run_dir.path), 1, use_mtime=True)
    assert [path.name for path in run_dir.path.glob("checkpoint-*")] == ["checkpoint-6"]


def test_a_link_that_is_named_like_a_checkpoint_keeps_no_place_for_itself(run_dir, tmp_path):
    (tmp_path / "outside").mkdir()
    (run_dir.path / "checkpoint-99").symlink_to(tmp_path / "outside")
    (run_dir.path / "checkpoint-2").mkdir()
    checkpoints.make_latest(run_dir.path / "checkpoint-2")
    assert not (run_dir.path / "checkpoint-99").is_symlink() and (tmp_path / "outside").is_dir()


WRONG = {
    "path": ({"path": "../x"}, "path is '../x', which leads out of the run directory"),
    "absolute": ({"path": "/x"}, "path is '/x', which leads out of the run directory"),
    "dots": ({"path": "checkpoint-2/../../x"}, "which leads out of the run directory"),
    "files": ({"files": None}, "files"),
    "type": ({"step": "2"}, "step is text"),
}


@pytest.mark.parametrize(("change", "said"), WRONG.values(), ids=WRONG)
def test_training_does_not_begin_anew_for_a_damaged_line_of_the_manifest(run_dir, change, said):
    save(run_dir, 2)
    path = run_dir.path / "checkpoints.jsonl"
    rows = [{**json.loads(line), **change} for line in path.read_text().splitlines()]
    path.write_text("".join(f"{json.dumps({k: v for k, v in row.items() if v is not None})}\n" for row in rows))
    with pytest.raises(CallsheetError) as refused:
        choose("auto", run_dir)
    assert str(refused.value).startswith(f"{path} line 1: ") and said in str(refused.value)
    assert "checkpoint-2 seems to be. Mend it, or begin anew with resume=never." in str(refused.value)
    save(run_dir, 1)
    assert choose("auto", run_dir)[0].step == 1


def test_training_does_not_begin_anew_where_the_manifest_is_gone(run_dir):
    save(run_dir, 2)
    (run_dir.path / "checkpoints.jsonl").unlink()
    assert choose("auto", run_dir)[0] is None, "a kill may have come before its line"
    save(run_dir, 4, finished=False)
    with pytest.raises(CallsheetError, match="lists no checkpoint, though checkpoint-4, checkpoint-2 lie there"):
        choose("auto", run_dir)


def test_a_row_that_names_a_folder_elsewhere_is_none_of_this_run(run_dir, tmp_path):
    save(run_dir, 2)
    row = json.loads((run_dir.path / "checkpoints.jsonl").read_text().splitlines()[-1])
    for path in ("../outside", str(tmp_path.parent)):
        run_dir.append("checkpoints.jsonl", {**row, "name": "checkpoint-4", "path": path})
    assert [*checkpoints.manifest(run_dir)] == ["checkpoint-2"]
