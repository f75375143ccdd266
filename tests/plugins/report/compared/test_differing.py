from typing import Any

import pytest

from callsheet_plugins.report.compared.differing import Difference, Member, alike, differences


def member(label: str, group: str = "", config: Any = None, **record: Any) -> Member:
    return Member(label, group or label, config or {}, record)


def found(runs: list[Member]) -> dict[str, dict[str, list[str]]]:
    return {one.name: {group: [*values] for group, values in one.values.items()} for one in differences(runs)}


def args(seed: int, rate: float) -> dict[str, Any]:
    return {"trainer": {"args": {"seed": seed, "learning_rate": rate}}, "output_dir": f"runs/{seed}"}


def test_what_is_equal_in_all_runs_and_where_they_lie_is_no_difference():
    runs = [member("a", config={"x": 1, "output_dir": "a"}), member("b", config={"x": 1, "output_dir": "b"})]
    assert differences(runs) == []


def test_what_goes_with_the_seed_is_apart_from_what_goes_with_the_arm():
    runs = [member(f"{arm}-{seed}", arm, args(seed, rate)) for arm, rate in (("a", 0.1), ("b", 0.2)) for seed in (0, 1)]
    by_seed = {one.name: one.by_seed for one in differences(runs)}
    assert by_seed == {"trainer.args.seed": True, "trainer.args.learning_rate": False}


def test_a_value_inside_of_one_arm_alone_is_not_by_seed():
    runs = [member("a-0", "a", args(0, 0.1)), member("a-1", "a", args(1, 0.1)), member("b-0", "b", args(0, 0.1))]
    assert [one.by_seed for one in differences(runs)] == [False]


def test_versions_machines_code_and_data_are_compared():
    one = member(
        "a",
        versions={"torch": "2.12"},
        host="node-1",
        git={"commit": "abc", "changed": 0},
        data={"train": {"rows": 10, "digest": "sha256:1", "sources": []}},
        plugins=[{"name": "lucky", "distribution": "callsheet-lucky", "version": "0.2"}],
    )
    other = member(
        "b",
        versions={"torch": "2.13"},
        host="node-2",
        git={"commit": "def", "changed": 2},
        data={"train": {"rows": 10, "digest": "sha256:2", "sources": []}},
        plugins=[{"name": "lucky", "distribution": "callsheet-lucky", "version": "0.3"}],
    )
    assert found([one, other]) == {
        "torch": {"a": ["2.12"], "b": ["2.13"]},
        "host": {"a": ["node-1"], "b": ["node-2"]},
        "git commit": {"a": ["abc"], "b": ["def"]},
        "git changed": {"a": ["0"], "b": ["2"]},
        "train digest": {"a": ["sha256:1"], "b": ["sha256:2"]},
        "lucky": {"a": ["callsheet-lucky 0.2"], "b": ["callsheet-lucky 0.3"]},
    }


def test_a_plugin_that_only_some_runs_have_is_a_setting_alone():
    plugin = {"name": "bema", "distribution": "callsheet", "version": "0.1.0"}
    runs = [
        member("a", config={"plugins": {"bema": {"lag": 1}}}, plugins=[plugin]),
        member("b", config={"plugins": {}}),
    ]
    assert found(runs) == {"plugins.bema": {"a": ["on"], "b": ["off"]}}


def test_what_all_have_in_common_is_said_and_what_nobody_knows_is_not():
    runs = [member("a", config={"x": 1}, host="h"), member("b", config={"x": 2}, host="h")]
    assert alike(runs, differences(runs)) == ["Machine"]


@pytest.mark.parametrize(
    "value", [None, [], {}, "text", 7, [None], {"a": None}, [{"name": None}], {"train": {"rows": None}}]
)
def test_records_with_fields_of_any_type_are_compared(value: Any):
    names = ("versions", "host", "platform", "world", "git", "data", "plugins")
    runs = [member("a", **dict.fromkeys(names, value)), member("b", config={"x": [1, {"y": "<b>"}]})]
    assert all(isinstance(one, Difference) for one in differences(runs))
