"""No symbolic link below a root is followed, at any depth, by any way to reach a file, also while somebody swaps one in."""

import os
import threading

import pytest

from callsheet.disk.descent import Outside
from callsheet.disk.inside import Inside, around
from callsheet.disk.regular import Irregular
from callsheet.errors import CallsheetError

DOORS = {
    "append": lambda inside, name: inside.append(name, "more"),
    "open": lambda inside, name: os.close(inside.open(name, os.O_WRONLY | os.O_CREAT)),
    "read": lambda inside, name: inside.read(name),
    "sync": lambda inside, name: inside.sync(name),
}
FOLDER_DOORS = {
    **DOORS,
    "write": lambda inside, name: inside.write(name, "other"),
    "make": lambda inside, name: inside.make(name),
    "names": lambda inside, name: inside.names(name),
    "stat": lambda inside, name: inside.stat(name),
    "touch": lambda inside, name: inside.touch(name),
    "remove": lambda inside, name: inside.remove(name),
    "rename from": lambda inside, name: inside.rename(name, "free"),
    "rename to": lambda inside, name: inside.rename("mine", name),
}


@pytest.fixture
def shared(tmp_path):
    """A root that is shared, and beside it a folder with a file that is nobody's business."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("theirs")
    os.utime(tmp_path / "outside" / "file", (1, 1))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine").write_text("mine")
    return tmp_path


def untouched(shared):
    file = shared / "outside" / "file"
    return os.listdir(shared / "outside") == ["file"] and (file.read_text(), file.stat().st_mtime) == ("theirs", 1)


@pytest.mark.parametrize("door", DOORS)
def test_a_link_in_the_place_of_a_file_is_named(shared, door):
    (shared / "run" / "log").symlink_to("../outside/file")
    said = "run/log is a symbolic link to ../outside/file, which leaves the run directory; remove it."
    with pytest.raises(Outside, match=said) as raised:
        DOORS[door](Inside(shared / "run"), "log")
    assert untouched(shared)
    assert isinstance(raised.value, CallsheetError) and isinstance(raised.value, OSError)


@pytest.mark.parametrize("door", FOLDER_DOORS)
def test_a_link_in_the_place_of_a_folder_is_named(shared, door):
    (shared / "run" / "deep").mkdir()
    (shared / "run" / "deep" / "folder").symlink_to(shared / "outside")
    with pytest.raises(Outside, match="run/deep/folder is a symbolic link"):
        FOLDER_DOORS[door](Inside(shared / "run"), "deep/folder/file")
    assert untouched(shared)


@pytest.mark.parametrize("door", FOLDER_DOORS)
@pytest.mark.parametrize("name", ["../outside/file", "a/../../outside/file", "/etc/hostname"])
def test_a_name_that_leads_out_is_refused(shared, door, name):
    with pytest.raises(Outside, match="lies outside the run directory"):
        FOLDER_DOORS[door](Inside(shared / "run"), name)
    assert untouched(shared)


def test_a_link_that_stays_inside_is_not_followed_either(shared):
    (shared / "run" / "log").symlink_to("mine")
    with pytest.raises(Outside, match="log is a symbolic link to mine, and the run directory may hold no link at this"):
        Inside(shared / "run").append("log", "more")
    assert (shared / "run" / "mine").read_text() == "mine"


def test_the_root_and_what_is_above_it_may_be_a_link(shared):
    (shared / "outputs").symlink_to("run")
    Inside(shared / "outputs").append("a.jsonl", "row\n")
    assert (shared / "run" / "a.jsonl").read_text() == "row\n"


def test_writing_replaces_a_link_and_not_what_it_names(shared):
    (shared / "run" / "run.json").symlink_to("../outside/file")
    Inside(shared / "run").write("run.json", "{}")
    assert untouched(shared) and (shared / "run" / "run.json").read_text() == "{}"
    assert os.listdir(shared / "run") != [] and not (shared / "run" / "run.json").is_symlink()


def test_removing_removes_the_link(shared):
    inside = Inside(shared / "run")
    for remove in (inside.remove, inside.remove_tree):
        (shared / "run" / "link").symlink_to("../outside")
        remove("link")
        assert not os.path.lexists(shared / "run" / "link") and untouched(shared)


def test_a_tree_with_links_is_removed_without_following_one(shared):
    (shared / "run" / "tree" / "below").mkdir(parents=True)
    (shared / "run" / "tree" / "below" / "link").symlink_to(shared / "outside")
    Inside(shared / "run").remove_tree("tree")
    assert not (shared / "run" / "tree").exists() and untouched(shared)


def test_what_lies_behind_a_link_is_not_removed(shared):
    (shared / "run" / "snapshots").symlink_to("../outside")
    Inside(shared / "run").remove_tree("snapshots/file")
    assert untouched(shared)


def test_nothing_waits_at_a_fifo(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
        with pytest.raises(Irregular, match="fifo is a FIFO, no regular file"):
            Inside(tmp_path).open("fifo", flags)


def test_an_error_names_the_whole_path(tmp_path):
    with pytest.raises(FileNotFoundError) as raised:
        Inside(tmp_path).read("a/b")
    assert raised.value.filename == str(tmp_path / "a")
    with pytest.raises(FileNotFoundError) as raised:
        Inside(tmp_path).read("b")
    assert raised.value.filename == str(tmp_path / "b")


def test_a_write_that_fails_leaves_the_old_file_and_no_other_name(tmp_path):
    (tmp_path / "file").write_text("old")
    with pytest.raises(UnicodeEncodeError):
        Inside(tmp_path).write("file", "\ud800")
    assert os.listdir(tmp_path) == ["file"] and (tmp_path / "file").read_text() == "old"


def test_a_link_that_is_swapped_in_between_is_not_followed(shared):
    """Somebody exchanges the folder for a link all the time: each write lands in the folder, or is refused."""
    run = shared / "run"
    (run / "folder").mkdir()
    over = threading.Event()

    def swap():
        while not over.is_set():
            (run / "folder").rename(run / "aside")
            (run / "folder").symlink_to(shared / "outside")
            (run / "folder").unlink()
            (run / "aside").rename(run / "folder")

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        refused = 0
        for number in range(2000):
            try:
                Inside(run).append("folder/file", f"{number}\n")
                Inside(run).write("folder/other", "x", durable=False)
            except (Outside, FileNotFoundError, NotADirectoryError):
                refused += 1
    finally:
        over.set()
        thread.join()
    assert refused and untouched(shared)


def test_no_descriptor_stays_open(shared):
    before = os.listdir("/proc/self/fd")
    (shared / "run" / "log").symlink_to("../outside/file")
    inside = Inside(shared / "run")
    for door in FOLDER_DOORS.values():
        for name in ("log", "log/x", "none/x", "mine/x"):
            try:
                door(inside, name)
            except OSError:
                continue
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_around_takes_the_root_where_the_path_lies_below_it(tmp_path):
    assert around(tmp_path / "a" / "b", tmp_path).root == tmp_path
    assert around(tmp_path / "a" / "b", tmp_path / "other").root == tmp_path / "a"


@pytest.mark.parametrize("name", ["a\0b", "half \ud83d", "folder/\ud83d/file"])
def test_a_name_that_no_file_can_have_is_one_of_no_file(tmp_path, name):
    inside = Inside(tmp_path)
    assert inside.stat(name) is None
    for door in ("append", "open", "read", "write"):
        with pytest.raises(FileNotFoundError, match="no file can have such a name"):
            FOLDER_DOORS[door](inside, name)
