"""What --help lists."""


def test_help_lists_plugins_and_recipes_without_importing_them(callsheet):
    done = callsheet("train", "--help")
    assert done.returncode == 0
    assert "plugins          bema, benchmarks, comet" in done.stdout and "recipe           demo" in done.stdout


def test_help_lists_the_recipes_of_ones_own_folder(callsheet, tmp_path):
    (tmp_path / "mine" / "recipe").mkdir(parents=True)
    (tmp_path / "mine" / "recipe" / "short.yaml").write_text("# @package _global_\n")
    assert "recipe           demo, short" in callsheet("train", "--config-dir", "mine", "--help").stdout


def test_every_command_describes_itself_those_of_packages_too(callsheet):
    said = callsheet("--help").stdout
    words = " ".join(said.split())
    for line in ("bench Score TARGET:", "status Say whether a run is alive", "check Find what is wrong"):
        assert line in words
    assert "..." not in said.partition("Commands:")[2], "cut off"


def test_the_help_of_a_command_is_about_that_command(callsheet):
    said = {name: callsheet(name, "--help").stdout for name in ("train", "check", "explain", "bench", "status")}
    said["experiment"] = callsheet("experiment", "--help").stdout
    assert "Run the arms of an experiment" in said["experiment"] and "--add-repeats N" in said["experiment"]
    assert "Train a model with the plugins you choose." in said["train"]
    assert "Find every mistake" in said["check"] and "Train a model" not in said["check"]
    assert "why each plugin is active" in said["explain"] and "Train a model" not in said["explain"]
    assert "Score TARGET" in said["bench"] and "whether a run is alive" not in said["bench"]
    assert "The state is alive, waiting" in said["status"]
