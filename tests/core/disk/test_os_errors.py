"""A refusal of the system is a sentence with path, owner and remedy; a mistake of the program stays a traceback."""

import errno
import os

import pytest

from callsheet.disk import os_errors
from callsheet.errors import CallsheetError, PluginFailure


def test_a_closed_file_is_named_with_its_owner_its_mode_and_what_opens_it(tmp_path, closed, said_of):
    (tmp_path / "a.jsonl").write_text("{}")
    said, is_mistake = said_of((closed(tmp_path / "a.jsonl")).read_text)
    assert said.startswith(f"{tmp_path}/a.jsonl cannot be read: it belongs to ")
    assert "has mode 0000 (----------)" in said and f"chmod u+r {tmp_path}/a.jsonl" in said and is_mistake


def test_what_lies_below_a_closed_folder_is_said_to_be_closed_by_that_folder(tmp_path, closed, said_of):
    (tmp_path / "c" / "d").mkdir(parents=True)
    closed(tmp_path / "c")
    for act in ((tmp_path / "c/d/x").read_text, (tmp_path / "c/d/x").mkdir, (tmp_path / "c/d").stat):
        assert f"cannot be reached: the folder {tmp_path}/c belongs to" in said_of(act)[0]


def test_a_folder_that_takes_no_new_file_is_said_so_however_deep_the_file_would_lie(tmp_path, closed, said_of):
    closed(tmp_path, 0o555)
    said, _ = said_of(lambda: (tmp_path / "a" / "b").mkdir(parents=True))
    assert f"cannot be written: the folder {tmp_path} belongs to" in said and f"chmod u+wx {tmp_path}" in said


def test_of_another_owner_one_has_to_ask(tmp_path, closed, said_of):
    if os.geteuid():
        pytest.skip("only root may give a file away")
    (tmp_path / "a").write_text("")
    os.chown(tmp_path / "a", 54321, 54321)
    said, _ = said_of(closed(tmp_path / "a").read_text)
    assert f"Ask user 54321 to open it (chmod o+r {tmp_path}/a), or name another path." in said


def test_a_link_is_said_to_be_closed_by_what_closes_its_target(tmp_path, closed, said_of):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "a").write_text("")
    (tmp_path / "link").symlink_to("c/a")
    closed(tmp_path / "c")
    assert f"the folder {tmp_path}/c belongs to" in said_of((tmp_path / "link").read_text)[0]


@pytest.mark.parametrize(
    ("name", "act", "said"),
    [
        ("a/b", lambda path: path.write_text(""), "a is a file, and no folder."),
        ("a", lambda path: path.mkdir(), "a is a file, where a folder is needed."),
        ("d", lambda path: path.read_text(), "d is a folder, where a file is needed."),
        ("aa", lambda path: path.read_text(), "aa does not exist. Did you mean"),
        ("n/a", lambda path: path.read_text(), "does not exist, nor does its folder"),
        ("x" * 256, lambda path: path.write_text(""), "holds a name of 256 bytes"),
        ("l", lambda path: path.read_text(), "leads back to itself"),
        ("k", lambda path: path.mkdir(), "k is a symbolic link to nowhere, which does not exist."),
        ("m", lambda path: os.open(path, os.O_NOFOLLOW), "m is a symbolic link, which is not followed here."),
    ],
)
def test_each_kind_of_refusal_has_its_sentence_and_is_a_mistake(tmp_path, said_of, name, act, said):
    (tmp_path / "a").write_text("")
    (tmp_path / "d").mkdir()
    for link, target in (("l", "l"), ("k", "nowhere"), ("m", "a")):
        (tmp_path / link).symlink_to(target)
    told, is_mistake = said_of(lambda: act(tmp_path / name), typed=[f"dataset.path={tmp_path}"])
    assert said in told and is_mistake


def test_a_missing_file_that_nobody_typed_is_the_programs_mistake(tmp_path, said_of):
    missing = (tmp_path / "gone").read_text
    assert said_of(missing) is None
    assert said_of(missing, typed=["dataset.path=other", f"{tmp_path}/gone2"]) is None
    assert said_of(missing, typed=[f"a={{b: [{tmp_path}/gone]}}"])


def test_what_is_no_refusal_of_a_path_stays_what_it_is(said_of):
    for error in (ValueError("x"), OSError("x"), PermissionError(errno.EACCES, "bind"), ConnectionError("x")):
        with pytest.raises(type(error)):
            raise error
        assert os_errors.explained(error) is None
    assert os_errors.explained(CallsheetError("x")) is None


def test_an_error_met_while_another_kind_was_handled_hides_nothing(tmp_path, closed, said_of):
    (tmp_path / "a").write_text("")
    closed(tmp_path / "a")

    def broken():
        try:
            (tmp_path / "a").read_text()
        except OSError:
            raise KeyError("a mistake of ours")  # noqa: B904  # without a cause, as mistakes are

    assert said_of(broken) is None


def test_a_plugin_stays_named(tmp_path, closed, said_of):
    (tmp_path / "a").write_text("")
    closed(tmp_path / "a")

    def fail():
        try:
            (tmp_path / "a").read_text()
        except OSError as error:
            raise PluginFailure("Plugin 'bema' raised in on_step_end") from error

    said, is_mistake = said_of(fail)
    assert "cannot be read" in said and "Plugin 'bema' raised in on_step_end" in said and not is_mistake


def test_notes_stay(tmp_path):
    error = PermissionError(errno.EACCES, "x", str(tmp_path))
    error.add_note("The run lies in a.")
    assert os_errors.explained(error).__notes__ == ["The run lies in a."]


def test_all_below_a_folder_must_be_readable_and_what_is_no_file_is_not_opened(tmp_path, closed):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a").write_text("")
    os.mkfifo(tmp_path / "fifo")
    assert os_errors.unreadable_below(tmp_path) == ""
    closed(tmp_path / "s" / "a")
    assert f"{tmp_path}/s/a cannot be read" in os_errors.unreadable_below(tmp_path)
    closed(tmp_path / "s")
    assert f"{tmp_path}/s cannot be read" in os_errors.unreadable_below(tmp_path)
    assert os_errors.unreadable(tmp_path / "missing") == "" == os_errors.unreadable(tmp_path / "fifo" / "x")


def test_where_a_folder_can_be_made_is_told_without_making_it(tmp_path, closed):
    assert os_errors.unwritable(tmp_path / "a" / "b") == "" and list(tmp_path.iterdir()) == []
    closed(tmp_path, 0o555)
    assert f"the folder {tmp_path} belongs to" in os_errors.unwritable(tmp_path / "a" / "b")


def test_a_cache_that_cannot_be_written_is_moved_by_a_variable(tmp_path, closed, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_DATASETS_CACHE", raising=False)
    closed(tmp_path, 0o555)
    said = os_errors.unwritable_cache("datasets", "HF_DATASETS_CACHE")
    assert f"the folder {tmp_path} belongs to" in said and said.endswith(
        "Or set HF_HOME to a folder that can be written."
    )


def test_a_deleted_working_directory_is_named(tmp_path, monkeypatch, said_of):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    try:
        assert "was deleted. Change to one that exists" in said_of(os.getcwd)[0]
    finally:
        os.chdir(tmp_path)
