"""What stands between the host and one plugin: who is being called, what it cost, and what happens when it raises."""

import pytest

from callsheet import Plugin, hookimpl
from callsheet.errors import PluginFailure
from callsheet.plugins.guards import CallContext, Guard


def guard(name, context, on_error="raise"):
    return Guard(name, f"{name} 1.0", on_error, context)


def test_after_a_call_within_a_call_the_outer_plugin_is_the_one_that_asks():
    asked = []
    context = CallContext(lambda *a, **k: None)
    inner = guard("inner", context).around("on_eval", lambda: asked.append(context.calling))

    def evaluates():
        asked.append(context.calling)
        inner()
        asked.append(context.calling)

    guard("outer", context).around("on_step_end", evaluates)()
    assert asked == ["outer", "inner", "outer"] and context.calling is None


def test_after_a_failure_nobody_is_being_called():
    def fails():
        raise RuntimeError("no")

    context = CallContext(lambda *a, **k: None)
    with pytest.raises(PluginFailure, match=r"Plugin 'one' \(one 1\.0\) raised in on_eval on rank 0: RuntimeError: no"):
        guard("one", context).around("on_eval", fails)()
    assert context.calling is None


def test_each_call_is_counted_with_the_slowest():
    one = guard("one", CallContext(lambda *a, **k: None))
    call = one.around("on_eval", lambda: sum(range(1000)))
    for _ in range(3):
        call()
    cost = one.costs["on_eval"]
    assert cost.calls == 3 and 0 < cost.slowest < cost.seconds


QUIET = "plugins=[]"


class Exits(Plugin):
    """Leaves in the middle."""

    @hookimpl
    def on_step_end(self, state, step_idx):
        raise SystemExit(0)


def test_a_plugin_that_exits_has_failed(run_demo):
    run_demo(QUIET, plugins=[Exits()])
    with pytest.raises(PluginFailure, match=r"'exits'.* raised in on_step_end on rank 0: SystemExit"):
        run_demo(QUIET, plugins=[Exits(on_error="raise")], output_dir="other")


class Tells(Plugin):
    """Gives its own secret away."""

    api_key: str = ""

    @hookimpl
    def on_step_end(self, state, step_idx):
        raise RuntimeError(f"401 for {self.api_key}")


def test_a_secret_hidden_by_its_name_is_not_told_by_an_error(run_demo, tmp_path):
    with pytest.raises(PluginFailure):
        run_demo(QUIET, plugins=[Tells(api_key="plainsecret123", on_error="raise")])
    left = [path for path in (tmp_path / "run").rglob("*") if path.is_file() and b"plainsecret123" in path.read_bytes()]
    assert not left


def failing(on_error, caplog):
    one = guard("one", CallContext(lambda *a, **k: None), on_error)
    calls = []

    def fails():
        calls.append(1)
        raise RuntimeError(f"no, for the {len(calls)}. time")

    call = one.around("on_eval", fails)
    with caplog.at_level("WARNING", "callsheet"):
        for _ in range(3):
            call()
    return one, len(calls), [record.getMessage() for record in caplog.records]


def test_a_plugin_that_is_only_warned_of_is_called_again_and_the_warning_says_so_once(caplog):
    one, calls, [said] = failing("warn", caplog)
    assert calls == one.costs["on_eval"].failures == 3
    assert "RuntimeError: no, for the 1. time. The plugin is still called, and the run goes on." in said


def test_a_plugin_that_is_disabled_is_not_called_again_and_the_warning_says_so(caplog):
    one, calls, [said] = failing("disable", caplog)
    assert calls == one.costs["on_eval"].failures == 1 and said.endswith("It is not called again; the run goes on.")
