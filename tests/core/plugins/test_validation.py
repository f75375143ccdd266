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
        ("@hookimpl\n def on_eval(self, **kwargs): ...", "on_eval takes *kwargs; name the arguments it needs"),
        (
            "@hookimpl\n def on_checkpoint(self, state, row): print(row.nmae)",
            "on_checkpoint reads row.nmae, which ManifestRow does not have. Did you mean 'name'?",
        ),
        ("@hookimpl\n def on_log(self, state): state.max_step", "reads state.max_step, which LoopState does not have."),
        ("@hookimpl\n def on_run_end(self, *, arm): return lambda: arm, arm.statu", "Did you mean 'status'?"),
        (
            "def __init__(self, freq=10, path: str = 'a'): self.freq = freq",
            "it defines __init__, but settings are fields, and Callsheet makes a plugin from its fields. "
            "Write `freq: int = setting(10)` and `path: str = setting('a')` in the class.",
        ),
        (
            "def __init__(self): self.count = 0",
            "belongs into __post_init__, which calls super().__post_init__() first.",
        ),
        ("def __init__(self, url, **rest): super().__init__(**rest)", "Write `url: str = setting()` in the class."),
        ("ranks = 'everywhere'", 'ranks must be "main" or "all", got \'everywhere\''),
    ],
)
def test_a_plugin_that_breaks_the_contract_is_refused_at_start(source, message):
    scope = {"Plugin": Plugin, "hookimpl": hookimpl, "__name__": "broken_plugins"}
    exec(f"class Broken(Plugin):\n {source}", scope)
    with pytest.raises(CallsheetError) as refusal:
        Lineup({"broken": scope["Broken"].__new__(scope["Broken"])})
    assert message in str(refusal.value)
    assert "Plugin 'broken' from broken_plugins" in str(refusal.value)


def test_helper_methods_are_no_hooks():
    class Helpful(Plugin):
        def on_my_own(self): ...

        @hookimpl
        def on_run_start(self): ...

    Lineup({"helpful": Helpful()})


def test_fields_that_exist_or_that_a_plugin_keeps_or_asks_for_are_no_mistakes():
    class Sound(Plugin):
        @hookimpl
        def on_train_start(self, state):
            state.tallies = {}
            print(state.num_steps, state.ctx.run_key, state.tallies)

        @hookimpl
        def on_step_end(self, state):
            if hasattr(state, "max_step"):
                print(state.max_step)

        @hookimpl
        def on_run_end(self, ctx, arm):
            ctx = self
            print(ctx.run_dri, arm.name)

    Lineup({"sound": Sound()})


def test_an_init_that_takes_every_field_is_none_of_ours():
    class Passes(Plugin):
        freq: int = 1

        def __init__(self, **fields):
            super().__init__(**{name: value for name, value in fields.items() if name == "on_error"})

    class States(Plugin):
        freq: int = 1

        def __init__(self, freq=1, on_error=None):
            self.freq, self.on_error = freq, on_error

    Lineup({"passes": Passes(freq=2), "states": States(freq=2)})
