from callsheet.experiments.expanding.naming import names_of_cells, require_folder


def test_a_cell_is_named_by_the_last_part_of_its_keys():
    cells = [{"trainer.args.learning_rate": 1e-3, "+plugins": ["bema", "ref_sync"], "peft": "lora", "x": True}]

    assert names_of_cells(cells) == ["learning_rate=0.001-plugins=bema+ref_sync-peft=lora-x=true"]


def test_keys_that_end_alike_get_more_parts():
    assert names_of_cells([{"a.seed": 1, "b.seed": 2}]) == ["a.seed=1-b.seed=2"]


def test_each_cell_has_a_name_of_its_own():
    cells = [{"x": value} for value in ("a/b", "a-b", "A-b", 1, "1", None, "none", "x" * 300, "x" * 301, [], {"a": 1})]
    names = names_of_cells(cells)

    assert len({name.casefold() for name in names}) == len(cells)
    assert [require_folder(name, "matrix") for name in names] == names


def test_a_name_is_the_same_every_time():
    assert names_of_cells([{"x": "a/b"}, {"x": "a-b"}]) == names_of_cells([{"x": "a/b"}, {"x": "a-b"}])
