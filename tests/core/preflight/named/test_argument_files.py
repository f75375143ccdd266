"""Files that trainer arguments name are there, and hold what is needed."""

import pytest

from callsheet.preflight.named.argument_files import problems


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zero.json").write_text('{"zero_optimization": {"stage": 2}}')
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "torn.json").write_text('{"zero_optimization": ')
    (tmp_path / "chat.jinja").write_text("{{ messages }}")


@pytest.mark.parametrize("name", ["deepspeed", "fsdp_config", "accelerator_config"])
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("zro.json", "=zro.json is no file. Did you mean 'zero.json'?"),
        ("gone/zero.json", "=gone/zero.json is no file. There is no folder"),
        (".", "=. is no file."),
        ("list.json", "=list.json holds no JSON object in braces."),
        ("torn.json", "=torn.json is no JSON: "),
        ('{"a": ', " is no JSON: "),
    ],
)
def test_a_file_that_is_missing_or_wrong_is_refused(name, value, said):
    [problem] = problems({name: value})
    assert problem.startswith(f"trainer.args.{name}{said}")


@pytest.mark.parametrize("value", ["zero.json", '{"zero_optimization": {}}', {"stage": 2}, None])
def test_a_configuration_in_place_or_in_its_file_is_taken(value):
    assert problems({"deepspeed": value}) == []


def test_a_chat_template_that_is_no_file_and_no_id_is_refused():
    assert problems({"chat_template_path": "chat.jinja"}) == problems({"chat_template_path": "org/model"}) == []
    [problem] = problems({"chat_template_path": "caht.jinja"})
    assert problem == "trainer.args.chat_template_path=caht.jinja is not there. Did you mean 'chat.jinja'?"
