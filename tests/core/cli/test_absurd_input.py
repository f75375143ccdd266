"""Whatever somebody types or writes into a recipe: one screen that names it, exit code 2, and nothing on the disk."""

import os
import sys

import pytest

from callsheet.cli.main import main
from callsheet.data import files

DEMO = "defaults: [demo]\n"
LONG = "x" * 5_000


@pytest.fixture
def refused(tmp_path, monkeypatch, capfd):
    """What `callsheet ARGUMENTS` says; checks that it is one plain screen, and that no file or folder was made."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        before = everything(tmp_path)
        monkeypatch.setattr(sys, "argv", ["callsheet", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = "".join(capfd.readouterr())
        assert ended.value.code == 2 and "Traceback" not in said, said
        assert len(said.splitlines()) <= 24 and len(said) <= 2_000, said
        assert all(sign.isprintable() or sign == "\n" for sign in said), said
        assert everything(tmp_path) == before
        return said

    return run


@pytest.fixture
def recipe(tmp_path):
    """Write a recipe, and return the arguments that check it."""

    def write(content):
        file = tmp_path / "conf" / "recipe" / "mine.yaml"
        file.parent.mkdir(parents=True)
        text = content if isinstance(content, bytes) else f"# @package _global_\n{content}".encode()
        file.write_bytes(text)
        return ["check", "--config-dir", "conf", "recipe=mine"]

    return write


def everything(folder):
    return sorted(os.path.join(above, name) for above, *inside in os.walk(folder) for names in inside for name in names)


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("experiment=../../x", "experiment='../../x' leads out of its folder"),
        ("experiment=/tmp/x", "experiment='/tmp/x' is a path"),
        (f"experiment={LONG}", "(5,000 characters)"),
        ("experiment='\x1b[31mred'", r"\x1b[31mred"),
        ("experiment=\udcff", "no UTF-8"),
        ("experiment=${experiment}", "experiment='${experiment}' refers to itself"),
        ("experiment=${nothing:1}", "asks for a resolver that there is not: nothing"),
        ("output_dir=~nobodyhere/x", "output_dir='~nobodyhere/x' begins with the home of a user that is not known"),
        ("model.path=~nobodyhere/x", "model.path='~nobodyhere/x'"),
        ("plugins.exact_match.path=~nobodyhere/x", "plugins.exact_match.path='~nobodyhere/x'"),
        ("output_dir=", "output_dir is empty"),
        ("output_dir='a\nb'", r"output_dir='a\nb'"),
        ("dataset.test_split_size=inf", "dataset.test_split_size must be a finite number"),
        (f"plugins={LONG}", "No plugin named"),
        (f"trainer.trainer_class={LONG}", "trainer.trainer_class='xxx"),
    ],
)
def test_an_override_is_refused_by_its_name(refused, override, named):
    assert named in refused("check", "recipe=demo", override)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("defaults: [mine]\n", "conf/recipe/mine.yaml includes itself"),
        (f"{DEMO}a: &a [*a]\n", "*a in line 3 contains itself"),
        (f"{DEMO}a: &a [{'x,' * 99}]\nb: &b [{'*a,' * 99}]\nc: [{'*b,' * 99}]\n", "with its aliases written out"),
        (f"{DEMO}a: {'[' * 5_000}\n", "nested deeper than 200 levels, in line 3"),
        (f"{DEMO}experiment: a\nexperiment: b\n", "conf/recipe/mine.yaml, line 4: found duplicate key experiment"),
        (f"{DEMO}a: !!python/object/apply:os.getcwd []\n", "conf/recipe/mine.yaml, line 3"),
        (b"experiment: caf\xe9\n", "conf/recipe/mine.yaml: it is no UTF-8 text"),
        (f'{DEMO}output_dir: "a\\0b"\n', "holds a NUL"),
        (f"{DEMO}experiment: ../../x\n", "(Set in conf/recipe/mine.yaml:3.)"),
        (f"{DEMO}dataset:\n  test_split_size: .inf\n", "(Set in conf/recipe/mine.yaml:4.)"),
        (f"{DEMO}plugins:\n  bema:\n    update_freq: 0\n", "(Set in conf/recipe/mine.yaml:5.)"),
        (f"{DEMO}trainer:\n  args:\n    max_stepz: 1\n", "(Set in conf/recipe/mine.yaml:5.)"),
        (f"{DEMO}plugins:\n  bema:\n    lagg: 1\n", "(In conf/recipe/mine.yaml:5.)"),
        (f"{DEMO}trainer:\n  args: [1]\n", "conf/recipe/mine.yaml:4: trainer.args takes values by name"),
        ("- a\n", "conf/recipe/mine.yaml:2: A file takes values by name"),
    ],
)
def test_a_recipe_is_refused_with_its_file(refused, recipe, content, named):
    assert named in refused(*recipe(content))


def test_looking_makes_nothing_whatever_a_recipe_says_to_hydra(tmp_path, monkeypatch, recipe):
    settings = "run: {dir: made}\n  output_subdir: made\n  sweep: {dir: made, subdir: made}\n  job: {chdir: true}\n"
    logging = (
        "job_logging: {version: 1, root: {handlers: [f]}, handlers: {f: {class: logging.FileHandler, filename: l}}}"
    )
    arguments = recipe(f"{DEMO}hydra:\n  {settings}  {logging}\n")
    monkeypatch.chdir(tmp_path)
    before = everything(tmp_path)
    for more in ([], ["-m", "trainer.args.seed=1,2"]):
        monkeypatch.setattr(sys, "argv", ["callsheet", *arguments, *more])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code and everything(tmp_path) == before


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.symlink("/dev/zero", path), lambda p: sparse(p, 10 << 30)])
def test_a_recipe_that_is_no_small_file_is_not_read(tmp_path, refused, make):
    (tmp_path / "conf" / "recipe").mkdir(parents=True)
    make(tmp_path / "conf" / "recipe" / "mine.yaml")
    assert "mine.yaml" in refused("check", "--config-dir", "conf", "recipe=mine")


def sparse(path, size):
    path.touch()
    os.truncate(path, size)


@pytest.mark.parametrize("arguments", [["nope"], ["status"], [LONG], ["\x1b[31m"], ["status", "--nope"], ["-sc"]])
def test_what_is_no_command_is_refused_in_our_words(refused, arguments):
    assert refused(*arguments).startswith("callsheet: ")


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("d.jsonl", "[" * 100_000, "d.jsonl, line 1: lists or objects are nested too deeply"),
        ("d.json", '{"a":' * 100_000, "d.json, line 1: lists or objects are nested too deeply"),
        ("d.jsonl", f'{{"prompt": {"9" * 5_000}}}', "d.jsonl, line 1: a number has too many digits"),
        ("d.jsonl", f'{{"{LONG}": 1}}', "… (5,00"),
        ("d.csv", f"{','.join(f'c{i}' for i in range(9_000))}\n{'1,' * 9_001}\n", "9002 fields where the header has"),
    ],
)
@pytest.mark.parametrize("setting", ["dataset.path", "plugins.exact_match.path"])
def test_rows_that_cannot_be_read_are_refused_with_their_line(refused, tmp_path, setting, name, content, named):
    (tmp_path / name).write_text(content)
    assert named in refused("check", "recipe=demo", f"{setting}={name}")


@pytest.mark.parametrize("setting", ["dataset.path", "model.path", "model.chat_template", "trainer.args.deepspeed"])
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.symlink("/dev/zero", path), lambda p: sparse(p, 10 << 30)])
def test_a_file_that_is_none_is_not_read(refused, tmp_path, setting, make):
    place = tmp_path / "m" / "config.json" if setting == "model.path" else tmp_path / "d.jsonl"
    place.parent.mkdir(exist_ok=True)
    make(place)
    assert place.name in refused("check", "recipe=demo", f"{setting}={'./m' if 'model.path' in setting else 'd.jsonl'}")


def test_a_folder_without_end_is_not_searched_for_data(refused, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_FILES", 3)
    for number in range(4):
        (tmp_path / f"{number}.txt").touch()
    assert "Name the one with the data" in refused("check", "recipe=demo", "dataset.path=.")


@pytest.mark.parametrize("override", ["plugins.bema=5", "+plugins.bema=5", "plugins.bema=null", "plugins.bema=[]"])
def test_a_plugin_has_settings_and_is_none(refused, override):
    assert "is no setting: write plugins.bema.SETTING=" in refused("check", "recipe=demo", override)


@pytest.mark.parametrize("value", ["null", "[1]", "[[bema]]", "{bema: 1}", "inf", "[null]"])
@pytest.mark.parametrize("sign", ["", "+", "~"])
def test_plugins_take_names(refused, sign, value):
    assert "write names, as in plugins=[bema,csv_metrics]" in refused("check", f"{sign}plugins={value}")


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("plugins=[bema,bema]", "names bema twice"),
        ("recipe=null", "write one name, as in recipe=demo"),
        ("trainer=[sft]", "write one name, as in trainer=sft"),
        ("plugins=[b\u0435ma]", "CYRILLIC SMALL LETTER IE"),
        (f"trainer.args.seed={'9' * 5_000}", "a number of too many digits"),
        (f"experiment={'[' * 500}{']' * 500}", "nested deeper than 50 levels"),
        (f"{LONG}=1", "begins with what is no name of a setting"),
        (f"recipe={LONG}", "recipe has no option"),
        ("--cfg=nope", "invalid choice: 'nope'"),
        ("--config-dir=~nobodyhere/x", "~nobodyhere/x"),
    ],
)
def test_what_hydra_would_stumble_over_is_said_first(refused, override, named):
    assert named in refused("check", override)


@pytest.mark.parametrize(
    "values", ["range(1,1e9)", "range(1,inf)", "range(10,1,0)", "glob(*)", "choice()", "interval(0,1)"]
)
def test_a_sweep_that_nobody_can_wait_for_is_refused(refused, values):
    refused("check", "recipe=demo", "-m", f"trainer.args.seed={values}")


@pytest.mark.parametrize("command", [("outbox", "drain", "."), ("bench", ".")])
@pytest.mark.parametrize("seconds", ["nan", "-1", "-inf", "x", "", "\udcff"])
def test_seconds_are_a_number_that_is_not_negative(refused, command, seconds):
    assert "--seconds takes a number of seconds" in refused(*command, "--seconds", seconds)
