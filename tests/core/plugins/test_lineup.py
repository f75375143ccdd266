"""The plugins of one run, called in order behind their guards."""

import logging

import pytest

from callsheet import CallsheetError, EvalResult, LogContext, LoopState, Plugin, hookimpl
from callsheet.errors import PluginFailure
from callsheet.plugins.lineup import Lineup


def speaker(said, word, **hook_options):
    class Speaker(Plugin):
        @hookimpl(**hook_options)
        def on_run_start(self, ctx):
            said.append(word)

    return Speaker()


def failing(**settings):
    class Failing(Plugin):
        @hookimpl
        def on_run_start(self, ctx):
            raise RuntimeError("out of luck")

    return Failing(**settings)


def start(lineup, tmp_path):
    lineup.hooks.on_run_start(ctx=LogContext(tmp_path))


def state_of(lineup, tmp_path):
    return LoopState(LogContext(tmp_path), lineup.request, lambda *a: None)


def test_hooks_run_in_the_order_given(tmp_path):
    said = []
    start(Lineup({"b": speaker(said, "one"), "a": speaker(said, "two"), "c": speaker(said, "three")}), tmp_path)
    assert said == ["one", "two", "three"]


def test_tryfirst_and_trylast_come_before_the_order_given(tmp_path):
    said = []
    lineup = Lineup(
        {
            "last": speaker(said, "last", trylast=True),
            "mid": speaker(said, "mid"),
            "top": speaker(said, "top", tryfirst=True),
        }
    )
    start(lineup, tmp_path)
    assert said == ["top", "mid", "last"]


def test_a_wrapper_stands_around_the_others(tmp_path):
    said = []

    class Wrapper(Plugin):
        @hookimpl(wrapper=True)
        def on_run_start(self, ctx):
            said.append("before")
            yield
            said.append("after")

    start(Lineup({"one": speaker(said, "one"), "wrapper": Wrapper()}), tmp_path)
    assert said == ["before", "one", "after"]


def test_a_failing_observer_is_reported_and_the_others_are_called(tmp_path, caplog):
    said, events = [], []
    lineup = Lineup(
        {"failing": failing(), "next": speaker(said, "next")}, log=lambda kind, **what: events.append((kind, what))
    )
    with caplog.at_level(logging.WARNING, "callsheet"):
        start(lineup, tmp_path)
    assert said == ["next"]
    assert "Plugin 'failing'" in caplog.text and "on_run_start on rank 0: RuntimeError: out of luck" in caplog.text
    assert events[0][0] == "plugin_failed" and "Traceback" in events[0][1]["traceback"]


def test_disable_stops_calling_a_plugin_after_its_first_failure(tmp_path):
    lineup = Lineup({"failing": failing(on_error="disable")})
    start(lineup, tmp_path)
    start(lineup, tmp_path)
    assert lineup.cost()["failing"]["on_run_start"]["calls"] == 1


def test_raise_ends_the_run_and_names_plugin_hook_and_rank(tmp_path):
    with pytest.raises(PluginFailure, match="'failing'.* raised in on_run_start on rank 0: RuntimeError: out of luck"):
        start(Lineup({"failing": failing(on_error="raise")}), tmp_path)


def test_a_users_mistake_is_raised_even_where_failures_are_only_warned_of(tmp_path):
    class Picky(Plugin):
        @hookimpl
        def on_run_start(self, ctx):
            raise CallsheetError("metric 'eval_los' is unknown.")

    with pytest.raises(CallsheetError, match="Plugin 'picky'.*metric 'eval_los' is unknown"):
        start(Lineup({"picky": Picky()}), tmp_path)


def test_plugins_of_all_ranks_raise_unless_told_otherwise(tmp_path):
    class Everywhere(Plugin):
        ranks = "all"

        @hookimpl
        def on_run_start(self, ctx):
            raise RuntimeError("no")

    with pytest.raises(PluginFailure):
        start(Lineup({"everywhere": Everywhere()}), tmp_path)


def test_plugins_of_all_ranks_may_only_raise_where_there_are_several():
    class Everywhere(Plugin):
        ranks = "all"

    with pytest.raises(CallsheetError, match="plugins.everywhere.on_error=warn is refused on 2 ranks"):
        Lineup({"everywhere": Everywhere(on_error="warn")}, world_size=2)
    Lineup({"everywhere": Everywhere(on_error="warn")}, world_size=1)


def test_plugins_of_the_main_rank_are_left_out_elsewhere(tmp_path):
    said = []

    class Everywhere(Plugin):
        ranks = "all"

        @hookimpl
        def on_run_start(self, ctx):
            said.append("everywhere")

    start(Lineup({"main": speaker(said, "main"), "everywhere": Everywhere()}, rank=1, world_size=2), tmp_path)
    assert said == ["everywhere"]


def test_requests_are_merged_and_logged_with_who_asked(tmp_path):
    class Asks(Plugin):
        @hookimpl
        def on_step_end(self, state):
            state.request_stop("loss is low")
            state.request_save("just in case")

    events = []
    lineup = Lineup({"first": Asks(), "second": Asks()}, log=lambda kind, **what: events.append(what))
    lineup.hooks.on_step_end(state=state_of(lineup, tmp_path), step_idx=1, batch=[], metrics={})
    assert lineup.requested == {"stop": ("first", "loss is low"), "save": ("first", "just in case")}
    assert [(event["plugin"], event["request"]) for event in events] == [
        ("first", "stop"),
        ("first", "save"),
        ("second", "stop"),
        ("second", "save"),
    ]


def test_state_is_keyed_by_plugin_name_and_returns_to_its_namesake():
    class Counts(Plugin):
        count: int = 0

        def state_dict(self):
            return {"count": self.count}

        def load_state_dict(self, state_dict):
            self.count = state_dict["count"]

    states = Lineup({"one": Counts(count=1), "two": Counts(count=2)}).state_dicts()[0]
    two, one = Counts(), Counts()
    Lineup({"two": two, "one": one, "new": Counts()}).load_state_dicts(states, 1)
    assert (one.count, two.count) == (1, 2)


def test_state_that_json_cannot_hold_is_the_plugins_failure_and_nobody_elses():
    class Kept(Plugin):
        def state_dict(self):
            return {"count": 1}

    class Odd(Plugin):
        def state_dict(self):
            return {"thing": object()}

    for on_error in (None, "raise"):
        states, failure = Lineup({"odd": Odd(on_error=on_error), "other": Kept()}).state_dicts()
        assert (
            states["other"]["state"] == {"count": 1}
            and states["odd"]["lost"] == "JSON cannot hold this: thing is an object"
        )
        assert (failure is None) is (on_error is None)
    assert isinstance(failure, PluginFailure)
    assert str(failure).startswith("Plugin 'odd' (core.plugins.test_lineup) handed its checkpoint (state_dict) what")


def test_native_callbacks_are_guarded_and_keep_their_class():
    from transformers import TrainerCallback

    class Native(TrainerCallback):
        def on_log(self, args, state, control, **kwargs):
            raise RuntimeError("native")

    class Adds(Plugin):
        @hookimpl
        def add_callbacks(self, state, add):
            add(Native())

    lineup = Lineup({"adds": Adds()})
    (callback,) = lineup.add_callbacks(None)
    assert type(callback) is Native
    assert callback.on_log(None, None, None) is None
    assert lineup.cost()["adds"]["on_log"]["calls"] == 1


def test_scores_carry_who_and_when(tmp_path):
    heard = []
    state = LoopState(LogContext(tmp_path), lambda *a: None, lambda *a: heard.append(a), step=7)
    result = EvalResult("words", {"exact_match": 0.5})
    state.report_eval(result)
    assert heard == [(result, (), 7)]


def test_a_guarded_callback_is_still_found_by_its_class_and_as_itself():
    from transformers import ProgressCallback
    from transformers.trainer_callback import CallbackHandler, DefaultFlowCallback

    lineup = Lineup({})
    mine = lineup.guard_callback(ProgressCallback(), lineup.callback_guard("callbacks.bar", "mine"))
    handler = CallbackHandler([DefaultFlowCallback(), mine], None, None, None, None)

    assert handler.pop_callback(mine) is mine
    handler.add_callback(mine)
    handler.remove_callback(ProgressCallback)
    assert handler.callback_list == "DefaultFlowCallback"


def test_arguments_with_a_default_or_by_name_alone_are_passed_like_all_others(tmp_path):
    class Seeds(Plugin):
        def __post_init__(self):
            super().__post_init__()
            self.heard = []

        @hookimpl
        def on_benchmark_eval(self, ctx, eval_result, predictions, *, step=None):
            self.heard.append((eval_result.name, predictions, step))

        @hookimpl
        def on_step_end(self, step_idx=0, metrics=None, *, batch=()):
            self.heard.append((step_idx, batch, metrics))

        @hookimpl(wrapper=True)
        def on_run_end(self, ctx, *, arm=None):
            yield
            self.heard.append(arm)

    seeds, ctx = Seeds(), LogContext(tmp_path)
    hooks = Lineup({"seeds": seeds}).hooks
    hooks.on_benchmark_eval(ctx=ctx, eval_result=EvalResult("words", {}), predictions=[1], step=7)
    hooks.on_step_end(state=None, step_idx=3, batch=[2], metrics={"loss": 1.0})
    hooks.on_run_end(ctx=ctx, run_result=None, arm="arm")
    assert seeds.heard == [("words", [1], 7), (3, [2], {"loss": 1.0}), "arm"]


def test_a_request_needs_no_reason(tmp_path):
    class Asks(Plugin):
        @hookimpl
        def on_step_end(self, state):
            assert not state.stop_requested
            state.stop_requested = True
            assert state.stop_requested
            state.request_save()

    lineup = Lineup({"asks": Asks(on_error="raise")})
    state = state_of(lineup, tmp_path)
    lineup.hooks.on_step_end(state=state, step_idx=1, batch=[], metrics={})
    assert lineup.requested == {kind: ("asks", "asks asked for it") for kind in ("stop", "save")}
