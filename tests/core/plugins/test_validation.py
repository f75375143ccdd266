"""A plugin outside the contract is refused at start."""

import pytest

from callsheet import CallsheetError, Plugin, hookimpl
from callsheet.plugins.lineup import Lineup


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def on_checkpoint(self, state, row): ...", "it defines on_checkpoint without @hookimpl"),
        (
            "@hookimpl\n def on_checkpiont(self, state): ...",
            "there is no hook 'on_checkpiont'. Did you mean 'on_checkpoint'?",
        ),
        ("def on_evall(self, state): ...", "there is no hook 'on_evall'. Did you mean 'on_eval'?"),
        ("@hookimpl\n def on_eval(self, stat): ...", "on_eval has no argument 'stat'. Did you mean 'state'?"),
        ("@hookimpl\n def on_eval(self, state, metrics=None): ...", "on_eval gives 'metrics' a default"),
        ("@hookimpl\n def on_eval(self, **kwargs): ...", "on_eval takes *kwargs; name the arguments it needs"),
        ("ranks = 'everywhere'", 'ranks must be "main" or "all", got \'everywhere\''),
    ],
)
def test_a_plugin_that_breaks_the_contract_is_refused_at_start(source, message):
    scope = {"Plugin": Plugin, "hookimpl": hookimpl, "__name__": "broken_plugins"}
    exec(f"class Broken(Plugin):\n {source}", scope)
    with pytest.raises(CallsheetError) as refusal:
        Lineup({"broken": scope["Broken"]()})
    assert message in str(refusal.value)
    assert "Plugin 'broken' from broken_plugins" in str(refusal.value)


def test_helper_methods_are_no_hooks():
    class Helpful(Plugin):
        def on_my_own(self): ...

        @hookimpl
        def on_run_start(self): ...

    Lineup({"helpful": Helpful()})
