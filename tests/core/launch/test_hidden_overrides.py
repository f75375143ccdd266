"""Secrets on their way from the driver to its workers."""

from callsheet.launch.hidden_overrides import VARIABLE, hide, revealed

TYPED = ["recipe=demo", "callbacks.x.api_key=between us", "trainer.args.seed=1", "callbacks.y.token=$x"]


def test_workers_get_what_was_typed_and_their_command_holds_no_secret(monkeypatch):
    shown, environment = hide(TYPED)
    assert "between us" not in " ".join(shown) and shown[0] == TYPED[0] and shown[2:] == TYPED[2:]
    monkeypatch.setenv(VARIABLE, environment[VARIABLE])
    assert revealed(shown) == TYPED
    assert revealed(TYPED) == TYPED, "what a worker starts does not inherit it"


def test_without_a_secret_nothing_is_hidden():
    assert hide(["recipe=demo"]) == (["recipe=demo"], {VARIABLE: None})
