"""What the documents say is true, and the house keeps its own rules."""

import re
from pathlib import Path

from callsheet.deprecations import RENAMED_PLUGINS
from callsheet.hooks import hook_names
from callsheet.plugins.registry import installed

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_hook_is_documented_in_the_order_of_the_contract():
    table = re.findall(r"^\| `(\w+)\(", (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8"), re.M)
    assert table == hook_names()


def test_every_hook_documents_the_arguments_it_offers():
    import inspect

    from callsheet import Plugin

    text = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    for name in hook_names():
        arguments = ", ".join(list(inspect.signature(getattr(Plugin, name)).parameters)[1:])
        assert f"`{name}({arguments})`" in text
        assert inspect.getdoc(getattr(Plugin, name))


def test_every_builtin_is_in_the_readme():
    builtins = [name for name, found in installed().items() if found.distribution == "callsheet"]
    now = [name for name in builtins if name not in RENAMED_PLUGINS]
    assert [name for name in now if f"| `{name}` |" not in README] == []


def test_ci_runs_the_test_command_of_the_readme_word_for_word():
    pattern = re.search(r"grep -m1 '(.+)' README\.md", (ROOT / ".ci" / "run").read_text(encoding="utf-8")).group(1)
    assert len([line for line in README.splitlines() if re.search(pattern.replace("\\", "\\"), line)]) == 1


def test_the_readme_opens_with_exactly_two_commands():
    blocks = re.findall(r"```bash\n(.*?)```", README.split("## Train your own")[0], re.S)
    assert [block.strip().count("\n") for block in blocks] == [0, 0]
    assert blocks[0].strip().endswith("callsheet train recipe=demo") and blocks[1].strip().endswith("-m pytest")


def test_every_command_of_the_readme_exists(callsheet):
    for name in set(re.findall(r"^callsheet (\w+)|`callsheet (\w+)", README, re.M)):
        assert callsheet(*filter(None, name), "--help").returncode == 0


def test_the_bundled_demo_is_what_its_script_makes(tmp_path):
    import importlib.util

    demo = ROOT / "conf" / "callsheet_conf" / "demo"
    spec = importlib.util.spec_from_file_location("make_demo", demo / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(tmp_path)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    kept = {path.relative_to(demo): path.read_bytes() for path in demo.rglob("*.json*")}
    assert made == kept


def test_tests_lie_in_the_rooms_of_what_they_test():
    rooms = {"core": ROOT / "core" / "callsheet", "plugins": ROOT / "plugins" / "callsheet_plugins"}
    for name, room in rooms.items():
        folders = {
            path.parent.relative_to(ROOT / "tests" / name) for path in (ROOT / "tests" / name).rglob("test_*.py")
        }
        assert [str(folder) for folder in folders if not (room / folder).is_dir()] == []
