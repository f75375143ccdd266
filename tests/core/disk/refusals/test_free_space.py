"""A full disk is called one, whoever writes: Python, torch, safetensors or Arrow."""

import errno
import os
import resource
import signal
from pathlib import Path

import pytest
from mounting import mounted

from callsheet.disk import os_errors
from callsheet.disk.refusals import free_space


@pytest.fixture
def full(tmp_path):
    """A file system of half a megabyte."""
    with mounted(tmp_path / "full", "size=512k", "nr_inodes=20") as folder:
        yield folder


def by_torch(folder):
    import torch

    torch.save({"weight": torch.zeros(300_000)}, folder / "optimizer.pt")


def by_torch_in_the_old_form(folder):
    import torch

    torch.save(torch.zeros(300_000), folder / "a.pt", _use_new_zipfile_serialization=False)


def by_safetensors(folder):
    import torch
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(300_000)}, folder / "model.safetensors")


def by_arrow(folder):
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"a": [os.urandom(16).hex() for _ in range(40_000)]}), folder / "a.parquet")


def by_datasets(folder):
    import datasets

    rows = datasets.Dataset.from_dict({"a": ["x" * 100] * 10_000})
    rows.map(lambda row: {"b": row["a"] * 2}, cache_file_name=str(folder / "cache.arrow"))


def by_python(folder):
    (folder / "events.jsonl").write_bytes(b"x" * 600_000)


@pytest.mark.parametrize(
    "write", [by_torch, by_torch_in_the_old_form, by_safetensors, by_arrow, by_datasets, by_python]
)
def test_a_full_disk_is_called_one_whoever_writes(full, said_of, write):
    said, is_mistake = said_of(lambda: write(full), full)
    assert said.startswith(f"The disk of {full}") and " free of 512 kB)" in said and not is_mistake


def test_a_write_of_torch_that_fails_for_another_reason_is_no_full_disk(tmp_path):
    from callsheet.disk import os_errors

    error = RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 470")
    assert os_errors.explained(error, [tmp_path]) is None


def test_a_disk_that_takes_no_more_files_is_full(full, said_of):
    def fill():
        for number in range(30):
            (full / str(number)).touch()

    assert "takes no more than 20 files" in said_of(fill, full)[0]


def test_a_limit_on_the_size_of_files_is_called_one(tmp_path, said_of):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    try:
        said, _ = said_of(lambda: by_python(tmp_path), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "past the largest file that this process may write" in said


def test_a_quota_is_called_one(tmp_path):
    assert free_space.sentence(tmp_path, errno.EDQUOT).startswith(f"Your quota on the disk of {tmp_path} is used up.")


def test_to_ask_a_disk_leaves_nothing_on_it(tmp_path, full):
    assert free_space.refusal(tmp_path) is None and [*tmp_path.iterdir()] == [full]
    assert free_space.refusal(full) == errno.ENOSPC and not [*full.iterdir()]
    assert free_space.fullest([tmp_path, full / "later"]) == full / "later"


def test_a_write_in_one_step_names_the_file_and_not_its_draft(full, said_of):
    from callsheet.disk.inside import Inside

    for number in range(19):  # with its root, these are all files that it takes
        (full / str(number)).touch()
    said, _ = said_of(lambda: Inside(full).write("run.json", "x" * 9000))
    assert said.startswith(f"The disk of {full}/run.json is full")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="there is no /proc")
def test_a_file_system_of_the_kernel_is_not_called_full():
    for place in ("/proc/x", "/proc/self/x/y"):
        assert os_errors.unwritable(Path(place)) == (
            f"{place} lies in a file system of the kernel (proc), which holds no files. Name a place on a disk."
        )
    assert os_errors.unwritable(Path("/dev/full")) == "/dev/full is a device, where a folder is needed."
    assert free_space.of_the_kernel(Path.cwd()) == ""
