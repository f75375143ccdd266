"""Of several ranks that fail, the one that the others followed from is named."""

import json
import os

import pytest

from callsheet.errors import CallsheetError, PluginFailure
from callsheet.launch.failures import Failure, Weight, cause_elsewhere, failure, first, leave_note, notes
from callsheet.process.signals import Interrupted

LOST = RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer")


@pytest.mark.parametrize(
    ("error", "code", "weight", "message"),
    [
        (CallsheetError("model.path must be set."), 2, Weight.NAMED, "model.path must be set."),
        (PluginFailure("Plugin 'x' raised"), 1, Weight.NAMED, "Plugin 'x' raised"),
        (Interrupted(15), 143, Weight.STOPPED, "stopped by SIGTERM"),
        (ValueError("no"), 1, Weight.RAISED, "ValueError: no"),
        (LOST, 1, Weight.LOST_PEER, f"RuntimeError: {LOST}"),
    ],
)
def test_an_error_has_a_code_a_weight_and_a_message(error, code, weight, message):
    failed = failure(error, 1)
    assert (failed.exit_code, failed.weight, failed.message) == (code, weight, message)
    assert bool(failed.trace) == (code == 1) and failed.is_signal == (code > 128)


def test_the_cause_goes_before_what_followed_though_it_came_later():
    followed, named = Failure(0, 1, "lost", "", 1.0, Weight.LOST_PEER), Failure(1, 1, "named", "", 2.0, Weight.NAMED)
    assert first([followed, named]) == named and first([]) is None
    assert named.said == "rank 1: named" and Failure(1, 1, "Rank 1 died.", "", 0.0).said == "Rank 1 died."


def test_a_rank_that_lost_its_peer_finds_why_in_the_peers_note(tmp_path, monkeypatch):
    for rank, error in enumerate([LOST, CallsheetError("callbacks.x is none.")]):
        (tmp_path / str(rank)).mkdir()
        monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / str(rank) / "error.json"))
        leave_note(failure(error, rank))
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "0" / "error.json"))
    assert [note.rank for note in notes(tmp_path)] == [0, 1]
    assert cause_elsewhere(LOST, 0).message == "callbacks.x is none."
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "1" / "error.json"))
    assert cause_elsewhere(CallsheetError("callbacks.x is none."), 1) is None, "it is the cause itself"


def test_no_secret_stands_in_a_note(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "error.json"))
    token = "hf_" + "s" * 30
    leave_note(failure(ValueError(f"401 for {token}"), 0))
    assert token not in (tmp_path / "error.json").read_text() and "401 for ***" in (tmp_path / "error.json").read_text()


@pytest.mark.parametrize("text", ["", "[]", '{"callsheet": {"rank": "x"}}', '{"callsheet": 3}', "[" * 100_000, "\x00"])
def test_a_note_that_is_none_hides_no_other(tmp_path, text):
    for rank, said in (("0", text), ("1", '{"message": "of torch alone"}')):
        (tmp_path / rank).mkdir()
        (tmp_path / rank / "error.json").write_text(said)
    (tmp_path / "2").mkdir()
    os.mkfifo(tmp_path / "2" / "error.json")
    (tmp_path / "3").mkdir()
    whole = {"rank": 3, "exit_code": 1, "message": "m", "trace": "", "time": 1.0, "weight": 2, "later": "field"}
    (tmp_path / "3" / "error.json").write_text(json.dumps({"callsheet": whole}))
    assert notes(tmp_path) == [Failure(3, 1, "m", "", 1.0, Weight.RAISED)]
