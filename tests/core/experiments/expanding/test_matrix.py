import pytest

from callsheet.errors import CallsheetError
from callsheet.experiments.expanding.matrix import cells_of


def test_it_is_the_product_of_its_axes():
    assert cells_of({"x": [1, 2], "y": ["a"]}) == [{"x": 1, "y": "a"}, {"x": 2, "y": "a"}]


def test_an_exclusion_leaves_out_every_cell_that_it_matches():
    cells = cells_of({"x": [1, 2], "y": ["a", "b"], "exclude": [{"x": 1, "y": "a"}, {"y": "b"}]})

    assert cells == [{"x": 2, "y": "a"}]


def test_an_inclusion_adds_settings_to_the_cells_that_it_matches():
    assert cells_of({"x": [1, 2], "include": [{"x": 2, "z": 5}]}) == [{"x": 1}, {"x": 2, "z": 5}]


def test_an_inclusion_that_names_no_axis_adds_to_all():
    assert cells_of({"x": [1, 2], "include": [{"z": 5}]}) == [{"x": 1, "z": 5}, {"x": 2, "z": 5}]


def test_an_inclusion_that_matches_none_is_a_cell():
    assert cells_of({"x": [1], "include": [{"x": 3, "z": 5}]}) == [{"x": 1}, {"x": 3, "z": 5}]


def test_inclusions_alone_are_the_cells():
    assert cells_of({"include": [{"x": 1}, {"x": 2}]}) == [{"x": 1}, {"x": 2}]


def test_a_nested_axis_is_that_of_the_whole_key():
    matrix = {"trainer": {"args": {"lr": [1, 2]}}, "exclude": [{"trainer": {"args": {"lr": 1}}}]}

    assert cells_of(matrix) == [{"trainer.args.lr": 2}]


def test_true_is_not_one():
    assert cells_of({"x": [True, 1], "exclude": [{"x": 1}]}) == [{"x": True}]


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        ({"x": []}, "experiment.matrix.x is empty"),
        ({"x": 3}, "experiment.matrix.x is 3: an axis takes a list"),
        ({"x": "a,b"}, "an axis takes a list"),
        ({"x": None}, "an axis takes a list"),
        ({"x": [1, 1]}, "has 1 twice"),
        ({"x": [1], "exclude": [{"y": 1}]}, "y is no axis. Axes: x"),
        ({"learning_rate": [1, 2], "exclude": [{"learning_rat": 1}]}, "Did you mean 'learning_rate'?"),
        ({"x": ["abc", "b"], "exclude": [{"x": "abd"}]}, "Did you mean 'abc'?"),
        ({"x": [1, 2], "exclude": [{"x": 1}, {"x": 2}]}, "excludes all 2 cells"),
        ({"x": [1, 2], "exclude": {"x": 1}}, "experiment.matrix.exclude takes a list of mappings"),
        ({"x": [1, 2], "include": [{}]}, "experiment.matrix.include takes a list of mappings"),
        ({f"x{n}": [*range(10)] for n in range(6)}, "makes 1,000,000 arms"),
    ],
)
def test_a_matrix_that_cannot_be_meant_is_refused(matrix, said):
    with pytest.raises(CallsheetError) as refused:
        cells_of(matrix)

    assert said in str(refused.value)
