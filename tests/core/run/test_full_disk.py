"""A run that finds its disk full says so in a sentence, loses no checkpoint, and goes on bit for bit once there is room."""

import pytest
from mounting import fill, mounted

from callsheet.disk.os_errors import DiskFailed, explained
from callsheet.rundir import checkpoints
from callsheet.rundir.rundir import RunDir
from callsheet.session.status import status_of

KEPT = (
    "model.safetensors",
    "checkpoint-4/model.safetensors",
    "checkpoint-4/optimizer.pt",
    "checkpoint-4/rng_state.pth",
)
WITH = ("plugins=[bema,csv_metrics]", "plugins.bema.update_after=0", "plugins.bema.update_freq=1",
        "trainer.args.save_total_limit=null")  # fmt: skip


def content(run):
    averages = sorted(str(path.relative_to(run)) for path in run.glob("checkpoint-4/callsheet/**/*.safetensors"))
    assert averages
    return {name: (run / name).read_bytes() for name in (*KEPT, *averages)}


# Of these, the first is full in the optimizer of the first checkpoint, the second in its average, the third in the
# second checkpoint, and the last later.
@pytest.mark.parametrize("kilobytes", [1500, 2600, 4200, 6500])
def test_a_full_disk_is_named_and_the_run_goes_on_bit_for_bit(run_demo, tmp_path, uninterrupted, kilobytes):
    with mounted(tmp_path / "disk", "size=32m") as disk:
        room = fill(disk, kilobytes << 10)
        with pytest.raises(Exception) as failed:
            run_demo(*WITH, output_dir=str(disk / "run"))
        refused = explained(failed.value, [disk / "run"])
        assert isinstance(refused, DiskFailed) and str(refused).startswith(f"The disk of {disk}/run is full ("), refused
        found = status_of(disk / "run")
        assert found.state == "failed" and found.why.startswith(f"The disk of {disk}/run is full (")
        assert not (disk / "run" / ".reserve").exists()
        listed = [*checkpoints.manifest(RunDir(disk / "run", is_main=False))]
        room.unlink()
        complete = [row.name for row in checkpoints.survey(RunDir(disk / "run", is_main=False))[0]]
        assert sorted(listed) == sorted(complete)
        run_demo(*WITH, output_dir=str(disk / "run"))
        assert content(disk / "run") == uninterrupted


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    from callsheet.testing import SMALL, _train

    folder = tmp_path_factory.mktemp("uninterrupted") / "run"
    _train([*SMALL, f"output_dir={folder}", *WITH], WITH, ())
    return content(folder)
