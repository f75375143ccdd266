"""Which runs some paths name or hold."""

import os
import subprocess
import sys

import pytest
from privileges import modes_count

from callsheet.errors import CallsheetError
from callsheet_plugins.report.reading import discover as finding
from callsheet_plugins.report.reading.discover import discover


def run(folder):
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    return folder


def experiment(folder, *arms):
    for arm in arms:
        run(folder / arm)
    for name in ("replaced", "logs", "workers", "arms"):
        run(folder / name / "old")
    (folder / "experiment.json").write_text("{}")
    return folder


def test_a_run_is_itself(tmp_path):
    found = discover([run(tmp_path / "a")])
    assert (found.root, found.runs, found.experiments) == (tmp_path / "a", {tmp_path / "a": "a"}, ())


def test_runs_below_a_folder_are_labelled_from_where_all_of_them_lie(tmp_path):
    made = [run(tmp_path / "x" / "y" / name) for name in ("s10", "s9", "deep/er/s1")]
    found = discover([tmp_path])
    assert found.runs == {made[1]: "s9", made[0]: "s10", made[2]: "deep/er/s1"}
    assert found.root == tmp_path


def test_an_experiment_is_found_with_its_arms_alone(tmp_path):
    made = experiment(tmp_path / "exp", "a", "b")
    for path in (made, tmp_path):
        found = discover([path])
        assert ([*found.runs.values()], found.experiments) == (["a", "b"], (made,))


def test_several_paths_of_all_kinds_give_each_run_once(tmp_path):
    made, single = experiment(tmp_path / "exp", "a", "b"), run(tmp_path / "single")
    (tmp_path / "link").symlink_to(single)
    found = discover([made, single, tmp_path / "link", made / "a", tmp_path])
    assert [*found.runs.values()] == ["exp/a", "exp/b", "single"]
    assert found.experiments == (made,)


def test_checkpoints_and_what_is_in_a_run_are_not_looked_into(tmp_path, monkeypatch):
    made = run(tmp_path / "a")
    run(made / "inner")
    for number in range(300):
        (tmp_path / "plain" / f"checkpoint-{number}" / "more").mkdir(parents=True)
    monkeypatch.setattr(finding, "MOST_FOLDERS", 10)
    found = discover([tmp_path])
    assert ([*found.runs], found.faults) == ([made], ())


def test_a_walk_has_an_end_and_says_so(tmp_path, monkeypatch):
    run(tmp_path / "0")
    for number in range(1, 100):
        (tmp_path / str(number)).mkdir()
    monkeypatch.setattr(finding, "MOST_FOLDERS", 50)
    assert discover([tmp_path]).faults == (f"{tmp_path} has more than 50 folders; the others were left out.",)
    monkeypatch.setattr(finding, "DEEPEST", 2)
    run(tmp_path / "0" / "1" / "2" / "3")
    with pytest.raises(CallsheetError, match="holds no Callsheet run"):
        discover([tmp_path / "1"])


def test_a_link_is_followed_only_where_it_was_named(tmp_path):
    elsewhere = run(tmp_path / "elsewhere" / "a")
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "link").symlink_to(elsewhere)
    (tmp_path / "outputs" / "loop").symlink_to(tmp_path / "outputs")
    (tmp_path / "named").symlink_to(tmp_path / "elsewhere")
    assert [*discover([tmp_path / "named"]).runs.values()] == ["a"]
    with pytest.raises(CallsheetError, match="link is a symbolic link, and was not followed: name it"):
        discover([tmp_path / "outputs"])


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("rum", "There is no folder {}/rum. Did you mean '{}/run'?"),
        ("run/checkpoint-5", "There is no folder {}/run/checkpoint-5. It lies in a run: {}/run"),
        ("run/run.json", "{}/run/run.json is no folder of a Callsheet run. It lies in a run: {}/run"),
        ("empty", "{}/empty holds no Callsheet run."),
        ("begun", "{}/begun is an experiment, and none of its runs has begun."),
    ],
)
def test_a_path_without_a_run_is_named_with_what_may_be_meant(tmp_path, named, said):
    good = run(tmp_path / "run")
    (tmp_path / "empty").mkdir()
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "experiment.json").write_text("{}")
    with pytest.raises(CallsheetError) as error:
        discover([tmp_path / named])
    assert str(error.value) == said.replace("{}", str(tmp_path))
    found = discover([good, tmp_path / named])
    assert (found.faults, found.empty) == ((str(error.value),), (tmp_path / named,))


def test_names_of_any_bytes_get_labels_of_their_own(tmp_path):
    for name in (b"\xff\n", b"\\xff\\n", "名 \"'<b>".encode()):
        run(tmp_path / os.fsdecode(name))
    labels = [*discover([tmp_path]).runs.values()]
    assert len({*labels}) == 3
    assert all(label.isprintable() for label in labels)


def test_a_folder_that_this_user_may_not_open_is_said_and_the_rest_is_found(tmp_path):
    closed, opened = run(tmp_path / "closed"), run(tmp_path / "open")
    closed.chmod(0)
    with modes_count():
        found = discover([tmp_path])
        with pytest.raises(CallsheetError) as error:
            discover([closed])
    closed.chmod(0o755)

    assert [*found.runs] == [opened]
    assert [*found.faults] == [str(error.value)]
    assert str(error.value).startswith(f"{closed} cannot be read: it belongs to")


def test_it_needs_neither_numpy_nor_torch(tmp_path):
    code = "import sys; from callsheet_plugins.report.reading import discover; print({'numpy', 'torch', 'pyarrow'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
