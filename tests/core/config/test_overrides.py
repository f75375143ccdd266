"""Overrides, as Hydra is given them."""

from callsheet.config.overrides import translated


def test_a_new_key_of_a_dictionary_needs_no_plus():
    assert translated(["plugins.x.headers.accept=json"]) == ["++plugins.x.headers.accept=json"]
    assert translated(["launch.config={zero_optimization: {}}"]) == ["++launch.config={zero_optimization: {}}"]
