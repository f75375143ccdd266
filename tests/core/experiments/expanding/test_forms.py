import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from callsheet.experiments.expanding.forms import key_of, override_of, overrides_of, text_of


@pytest.mark.parametrize(
    "value",
    [
        *(1, -2, 1e-5, 0.1, True, False, None, "demo", "true", "None", "null", "1", "1e-3", "", " ", "a b", "it's"),
        *('say "hi"', "back\\slash", "end\\", 'q\\"', "a,b", "[x]", "{x}", "a=b", "ä", "~/x", "a:b", "-x", "#", "nan"),
        *([1, "a b", None], [], {"path": "a b.jsonl", "weight": 0.5}, [{"path": "a"}]),
    ],
)
def test_hydra_reads_what_was_written(value):
    override = OverridesParser.create().parse_override(f"x={text_of(value)}")

    assert _plain(override.value()) == value and type(_plain(override.value())) is type(value)


def _plain(value):
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else getattr(value, "text", value)


def test_nested_settings_get_dots():
    assert overrides_of({"a": {"b": {"c": 1}}, "d.e": [1], "f": {}}, "x") == ("a.b.c=1", "d.e=[1]", "f={}")


def test_null_adds_no_plugin():
    assert override_of("+plugins", None) is None
    assert override_of("model.revision", None) == "model.revision=null"


def test_interpolations_stay_what_they_are():
    assert text_of("${model.path}") == "${model.path}"


def test_signs_are_no_part_of_a_key():
    assert key_of("++trainer.args.seed=3") == "trainer.args.seed"
