"""The configuration of a run, read back from its directory."""

import json

import pytest

from callsheet.errors import CallsheetError
from callsheet.rundir.rundir import RunDir


def test_the_configuration_is_what_config_yaml_says(tmp_path):
    (tmp_path / "config.yaml").write_text("model: {path: tiny}\n1: 1.0e-05\n")
    (tmp_path / "run.json").write_text(json.dumps({"config": {"model": {"path": "before"}}}))
    assert RunDir(tmp_path).config() == {"model": {"path": "tiny"}, 1: 1e-5}


def test_where_config_yaml_is_gone_its_copy_in_run_json_serves(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"config": {"model": {"path": "tiny"}}}))
    assert RunDir(tmp_path).config() == {"model": {"path": "tiny"}}


@pytest.mark.parametrize("text", [None, "model: [", "- a list", "7", "", "# only this\n", "[]", "false"])
def test_a_configuration_that_cannot_be_read_is_named(tmp_path, text):
    (tmp_path / "run.json").write_text("{}" if text is None else json.dumps({"config": {"model": {}}}))
    if text is not None:
        (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(CallsheetError, match=r"config\.yaml(: it is| cannot be read| does not exist)"):
        RunDir(tmp_path).config()
