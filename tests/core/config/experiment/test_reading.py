from callsheet.config.compose import compose
from callsheet.config.experiment.reading import recorded, settings_of
from callsheet.config.plan import make_plan

WRITTEN = {"a": ["trainer.args.run_name=${hydra:job.num}", "dataset.path=${oc.env:NOT_SET}"]}


def test_what_arms_set_is_left_as_it_was_written(tmp_path):
    (tmp_path / "mine.yaml").write_text(f"arms: {WRITTEN}\nmatrix: {{model.path: ['${{no.such}}']}}\nrepeats: 2\n")
    config = compose(["recipe=demo", f"experiment={tmp_path}/mine.yaml", "experiment.base_seed=${trainer.args.seed}"])

    settings = settings_of(config)

    assert (settings.arms, settings.matrix) == (WRITTEN, {"model.path": ["${no.such}"]})
    assert (settings.repeats, settings.base_seed, settings.budget.hours) == (2, 0, None)
    assert make_plan(config).experiment == "mine"


def test_a_run_records_its_own_part_alone():
    assert recorded({"name": "x", "hypothesis": "", "arms": {"a": []}}) == {"name": "x"}
    assert recorded({"name": "x", "hypothesis": "y"}) == {"name": "x", "hypothesis": "y"}
    assert recorded("x") == {"name": "x"}
