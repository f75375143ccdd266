"""Overrides, as Hydra is given them."""

import pytest

from callsheet.config.overrides import is_sweep, translated


def test_a_new_key_of_a_dictionary_needs_no_plus():
    assert translated(["plugins.x.headers.accept=json"]) == ["++plugins.x.headers.accept=json"]
    assert translated(["launch.config={zero_optimization: {}}"]) == ["++launch.config={zero_optimization: {}}"]


@pytest.mark.parametrize(
    ("typed", "sweeps"),
    [("-m", True), ("--multirun", True), ("hydra.mode=MULTIRUN", True), ("++hydra.mode='2'", True),
     ("hydra.mode=RUN", False), ("experiment=-m", False)],
)  # fmt: skip
def test_a_sweep_is_asked_for_by_a_flag_or_in_hydras_configuration(typed, sweeps):
    assert is_sweep([typed]) is sweeps
