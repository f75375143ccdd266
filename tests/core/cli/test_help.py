"""What --help lists."""


def test_help_lists_plugins_and_recipes_without_importing_them(callsheet):
    done = callsheet("train", "--help")
    assert done.returncode == 0
    assert "plugins          bema, benchmarks, csv_metrics" in done.stdout and "recipe           demo" in done.stdout


def test_help_lists_the_recipes_of_ones_own_folder(callsheet, tmp_path):
    (tmp_path / "mine" / "recipe").mkdir(parents=True)
    (tmp_path / "mine" / "recipe" / "short.yaml").write_text("# @package _global_\n")
    assert "recipe           demo, short" in callsheet("train", "--config-dir", "mine", "--help").stdout
