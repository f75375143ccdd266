"""Which shape a setting takes, by its type, and what is said of another one."""

import pytest

from callsheet.config.shapes import wrong


@pytest.mark.parametrize(
    ("key", "shape", "said"),
    [
        ("", "list", "A file takes values by name, as in model: {name: value}, and no list."),
        ("trainer.args", "list", "trainer.args takes values by name, as in trainer.args: {name: value}, and no list."),
        ("dataset.mixture", "mapping", "dataset.mixture takes a list, as in mixture: [value], and no values by name."),
        ("dataset.columns", "mapping", "dataset.columns takes a list, as in columns: [value], and no values by name."),
        (
            "plugins.hub_revisions.artifacts",
            "mapping",
            "plugins.hub_revisions.artifacts takes a list, as in artifacts: [value], and no values by name.",
        ),
        ("plugins.bema", "mapping", ""),
        ("plugins.unheard_of.x", "mapping", ""),
        ("launch.config", "mapping", ""),
        ("trainer.args.fsdp", "mapping", ""),
        ("dataset.mixture", "list", ""),
        ("nothing.like.it", "mapping", ""),
    ],
)
def test_a_setting_of_another_shape_is_told_what_it_takes(key, shape, said):
    assert wrong(key, shape) == said
