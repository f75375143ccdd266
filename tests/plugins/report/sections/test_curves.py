import numpy as np
import pytest

from callsheet_plugins.report.page.payload import part
from callsheet_plugins.report.sections.curves import section
from plugins.report.logged import arms, report, run

LOSS = ("train", "loss")


def lines(figure):
    """The lines of a figure, without the edges of bands."""
    return [trace.name for trace in figure.data if trace.hoverinfo != "skip"]


def opened(made):
    return [one["name"] for one in made.values["opened"]]


def folded(made):
    return [one["name"] for one in made.values["folded"]]


def test_without_metrics_there_is_no_section():
    assert section(report(run("a", {}))) is None
    assert section(report()) is None


def test_training_and_evaluation_of_one_run_share_a_chart():
    made = section(report(run("a", {LOSS: [2, 1], ("eval", "eval_loss"): [2, 1], ("train", "kl"): [0, 1]})))
    assert opened(made) == ["loss"]
    assert folded(made) == ["kl"]
    assert lines(made.figures["loss"]) == ["train", "eval"]


def test_averaged_weights_are_drawn_beside_those_that_train():
    logged = {("eval", "eval_loss"): [2, 1], ("bema", "eval_bema_loss"): [2, 0.5]}
    made = section(report(run("a", logged, record={"plugins": [{"name": "bema"}]})))
    raw, averaged = made.figures["loss"].data
    assert [raw.name, averaged.name] == ["eval", "eval (averaged by bema)"]
    assert raw.line.color == averaged.line.color
    assert raw.line.dash != averaged.line.dash


def test_where_only_the_average_is_evaluated_it_says_so():
    plugins = [{"name": "bema", "settings": {"evaluate_with": "bema"}}]
    made = section(report(run("a", {("eval", "eval_loss"): [2, 1]}, record={"plugins": plugins})))
    assert lines(made.figures["loss"]) == ["eval (averaged by bema)"]


def test_an_arm_is_the_mean_of_its_runs_with_a_band():
    made = section(report(run("a/0", {LOSS: [1]}, group="a", seed=0), run("a/1", {LOSS: [3]}, group="a", seed=1)))
    low, high, mean = made.figures["loss"].data
    assert mean.y.tolist() == [2]
    assert high.y[0] - mean.y[0] == pytest.approx(12.7062, rel=1e-4)  # t of one degree of freedom, and a deviation of 1
    assert mean.customdata.tolist() == [[low.y[0], high.y[0], 2]]


def test_an_arm_of_one_run_says_that_it_has_no_band():
    runs = [run("a/0", {LOSS: [1, 2]}, group="a"), run("a/1", {LOSS: [1, 3]}, group="a"), run("b", {LOSS: [1, 2]})]
    assert "b: one run" in part(section(report(*runs))).html


def test_stages_of_a_method_are_arms_of_their_own():
    runs = [run(name, {LOSS: [1, 2]}, group="a", stage=name) for name in ("sft", "dpo")]
    assert lines(section(report(*runs)).figures["loss"]) == ["a, sft", "a, dpo"]


def test_of_many_arms_the_best_and_the_worst_are_drawn_and_all_are_carried():
    made = section(arms(20, 2))
    figure = made.figures["loss"]
    assert lines(figure) == ["arm 0", "arm 1", "arm 2", "arm 3", "arm 19", "arm 18"]
    assert len(figure.layout.meta["curves"]["lines"]) == 20
    assert "4 best and the 2 worst of 20" in part(made).html


def test_of_a_reward_the_highest_is_the_best():
    runs = [run(f"arm {arm}", {("train", "reward"): [0, arm]}) for arm in range(20)]
    assert lines(section(report(*runs)).figures["reward"])[0] == "arm 19"


def test_arms_that_logged_the_same_are_named():
    made = section(report(run("a", {LOSS: [1, 2]}), run("b", {LOSS: [1, 2]})))
    assert "a and b logged the same values" in part(made).html


def test_a_line_that_stands_alone_among_arms_is_named():
    made = section(report(run("a", {LOSS: [1, 2], ("train", "kl"): [1, 2]}), run("b", {LOSS: [1, 3]})))
    assert "a alone has logged it." in part(made).html


def test_what_is_no_number_is_a_gap_and_is_said():
    made = section(report(run("a", {LOSS: [1, np.nan, np.inf, 4]})))
    assert np.isnan(made.figures["loss"].data[0].y).tolist() == [False, True, True, False]
    assert "no number (NaN or infinite) at 2 of 4 steps, first at step 2" in part(made).html


@pytest.mark.parametrize("values", [[], [1.0], [np.nan], [np.nan] * 5, [1e300, -1e300], [0.0] * 1000, [-1.0, 1e-300]])
def test_no_values_are_too_odd_to_draw(values):
    made = section(report(run("a", {LOSS: values, ("train", "lr"): values}), run("b", {LOSS: [1, 2]})))
    assert "loss" in part(made).html


def test_the_metric_of_the_best_checkpoint_is_open():
    logged = {LOSS: [1, 2], ("a", "eval_a_accuracy"): [0, 1], ("b", "eval_b_accuracy"): [0, 1]}
    args = {"metric_for_best_model": "a_accuracy"}
    assert opened(section(report(run("a", logged)))) == ["loss"]
    assert opened(section(report(run("a", logged, record={"trainer_args": args})))) == ["loss", "accuracy"]


def test_a_single_point_is_a_dot():
    assert section(report(run("a", {LOSS: [1.0]}))).figures["loss"].data[0].mode == "lines+markers"


def test_a_number_between_gaps_is_a_dot():
    values = np.where(np.arange(200) % 4 == 0, 1.0, np.nan)
    assert section(report(run("a", {LOSS: values}))).figures["loss"].data[0].mode == "lines+markers"


def test_what_was_logged_under_two_names_is_one_line():
    logged = {("eval", "eval_bema_loss"): [np.nan, 2], ("bema", "eval_bema_loss"): [1, np.nan, 3]}
    made = section(report(run("a", logged, record={"plugins": [{"name": "bema"}]})))
    assert made.figures["loss"].data[0].y.tolist() == [1, 2, 3]


def test_a_metric_may_be_called_like_a_part_of_another():
    logged = {LOSS: [1, 2], ("eval", "eval_loss"): [1, 2], ("train", "loss, eval"): [1, 2], ("train", ""): [1, 2]}
    made = section(report(run("a", logged), run("b", logged)))
    assert len(made.figures) == 4
    assert len(part(made).figures) == 4


def test_a_long_name_is_whole_in_the_caption_alone():
    made = section(report(run("a", {("train", "x" * 500): [1, 2]})))
    assert len(made.figures["x" * 500].layout.yaxis.title.text) == 40
    assert f"<figcaption>{'x' * 500}</figcaption>" in part(made).html


def test_a_long_run_is_drawn_with_the_range_of_each_point():
    figure = section(report(run("a", {LOSS: np.arange(10_000)}))).figures["loss"]
    low, high, line = figure.data
    assert len(line.y) <= 300
    assert (low.y < line.y).all()
    assert (line.y < high.y).all()
    assert line.meta["columns"] == ["least", "most"]


def test_many_long_runs_have_their_ranges_in_the_table_alone():
    made = section(report(*(run(f"run {number}", {LOSS: np.arange(10_000)}) for number in range(5))))
    assert len(made.figures["loss"].data) == 5
    assert made.figures["loss"].data[0].customdata.shape == (len(made.figures["loss"].data[0].y), 2)


def test_what_sums_up_a_run_is_in_a_table():
    made = section(report(run("a", {LOSS: [1, 2], ("train", "train_runtime"): [9]})))
    assert made.values["rows"] == [["train_runtime", 9]]
    assert "train_runtime" not in made.figures


def test_ten_thousand_metrics_are_drawn_as_far_as_there_is_room_and_the_rest_is_told():
    logged = {("train", f"metric {number}"): [1, 2] for number in range(10_000)}
    made = section(report(run("a", logged)))
    assert len(made.figures) == 100
    assert made.values["left"] == 9900
    assert "metric 9999" not in made.figures
    assert "9400 more are left out" in part(made).html


def test_checkpoints_and_resumes_are_marked_and_told():
    saved = [type("Saved", (), {"step": step})() for step in (10, 20)]
    marked = run("a", {LOSS: [1, 2]}, checkpoints=saved, events=[{"event": "resuming", "step": 10}, {"event": "x"}])
    made = section(report(marked))
    ticks, dotted = made.figures["loss"].layout.shapes
    assert (ticks.path, dotted.path) == ("M10,0V0.05 M20,0V0.05", "M10,0V1")
    assert dotted.line.dash == "dot"
    assert "2 checkpoints, at steps 10, 20." in part(made).html
    assert "resumed, at step 10." in part(made).html


def test_ten_thousand_checkpoints_are_thinned():
    saved = [type("Saved", (), {"step": step})() for step in range(10_000)]
    (shape,) = section(report(run("a", {LOSS: [1, 2]}, checkpoints=saved))).figures["loss"].layout.shapes
    assert shape.path.count("M") == 200


def test_names_of_users_are_no_markup():
    name = "<b>x</b><script>alert(1)</script>\"'"
    made = section(report(run(name, {("train", name): [1, 2]}), run("b", {("train", name): [2, 1]})))
    text = part(made)
    assert "<script>alert" not in text.html
    (figure,) = made.figures.values()
    assert figure.data[0].name.startswith("&lt;b&gt;x")
    assert figure.layout.yaxis.title.text.startswith("&lt;b&gt;x")


def test_a_thousand_runs_take_less_than_a_megabyte():
    made = part(section(arms(200, 5, steps=300)))
    assert len(made.html) + sum(map(len, made.figures.values())) < 1_000_000


def test_damaged_records_change_nothing():
    odd = {"plugins": [None, 3, {"name": None, "settings": 4}], "trainer_args": [1]}
    assert section(report(run("a", {LOSS: [1, 2]}, record=odd))).figures
