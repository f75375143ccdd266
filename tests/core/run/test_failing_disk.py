"""A disk that fails in mid-run, or that the system makes read-only then: a sentence, no lost checkpoint, and a resume."""

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
from mounting import fill, mounted
from waiting import wait_until

from callsheet import Plugin, hookimpl
from callsheet.disk.os_errors import explained
from callsheet.rundir import checkpoints
from callsheet.rundir.rundir import RunDir
from callsheet.session.status import status_of

PLUGINS = "plugins=[csv_metrics]"


class Breaks(Plugin):
    """Has the disk fail after the step that follows the first checkpoint."""

    how = None

    @hookimpl
    def on_step_end(self, state, step_idx):
        if step_idx == 3:
            self.how()


@contextmanager
def ext4(folder, *options, journal=True):
    """A file system on an image in main memory, which may have less room than it promises; yields it and its device."""
    if not all(map(shutil.which, ("mkfs.ext4", "losetup"))):
        pytest.skip("there is no mkfs.ext4 or losetup")
    with mounted(folder / "memory", "size=40m") as memory:
        image, at = memory / "image", folder / "disk"
        with image.open("wb") as file:
            file.truncate(64 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "has_journal" if journal else "^has_journal", image], check=True)
        at.mkdir()
        device = subprocess.run(["losetup", "-f", "--show", image], capture_output=True, text=True)
        if (
            device.returncode
            or subprocess.run(["mount", "-o", ",".join(options), device.stdout.strip(), at]).returncode
        ):
            pytest.skip("loop devices are not allowed here")
        try:
            yield at, device.stdout.strip()
        finally:
            subprocess.run(["umount", "--lazy", at], check=True)
            subprocess.run(["losetup", "-d", device.stdout.strip()], check=True)


def takes(disk):
    """Whether a file that is written there, and synced, is there."""
    try:
        with open(disk / "probe", "wb") as file:
            file.write(bytes(1 << 20))
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return False
    return True


def failed_run(run_demo, run, how):
    breaks = Breaks(on_error="raise")
    breaks.how = how
    with pytest.raises(BaseException) as failed:
        run_demo(PLUGINS, "trainer.args.save_total_limit=null", plugins=[breaks], output_dir=str(run))
    return explained(failed.value, [run])


def test_a_disk_that_becomes_read_only_is_named_and_the_run_goes_on_elsewhere(run_demo, tmp_path):
    with ext4(tmp_path, "errors=remount-ro") as (disk, device):
        trigger = Path("/sys/fs/ext4", os.path.basename(device), "trigger_fs_error")
        said = failed_run(run_demo, disk / "run", lambda: trigger.write_text("1"))
        assert str(said).endswith(
            "cannot be written: its file system is mounted read-only. Name a place that can be written."
        )
        assert status_of(disk / "run").checkpoint == "checkpoint-2"
        shutil.copytree(disk / "run", tmp_path / "copy")
    assert run_demo(PLUGINS, "trainer.args.save_total_limit=null", output_dir="copy").result.status == "completed"


def test_a_disk_that_fails_is_named_and_the_checkpoint_before_stays(run_demo, tmp_path):
    with ext4(tmp_path, "errors=continue", journal=False) as (disk, device):

        def lose_the_rest():
            os.truncate(tmp_path / "memory" / "image", 1 << 20)
            subprocess.run(["losetup", "-c", device], check=True)
            wait_until(lambda: not takes(disk))

        said = failed_run(run_demo, disk / "run", lose_the_rest)
        assert "fails to read or write (an input/output error)" in str(said)
        complete, _ = checkpoints.survey(RunDir(disk / "run", is_main=False))
        assert [row.name for row in complete][-1:] == ["checkpoint-2"]


def test_a_disk_that_has_room_and_takes_nothing_may_lie_on_one_that_is_full(run_demo, tmp_path):
    with ext4(tmp_path, "errors=continue", journal=False) as (disk, _):
        said = failed_run(run_demo, disk / "run", lambda: fill(tmp_path / "memory", 0))
        # The kernel says one or the other, by whether it had to read for the write.
        full, fails = "such as a thin volume.", "(an input/output error). Ask who runs it, and try another one."
        assert str(said).endswith((full, fails)), str(said)
        assert status_of(disk / "run").checkpoint == "checkpoint-2"
