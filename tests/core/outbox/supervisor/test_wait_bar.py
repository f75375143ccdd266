"""The last line of the wait says what came of all that was waited for."""

from callsheet.outbox.entries import Entry
from callsheet.outbox.store import DONE, FAILED, PENDING, EntryStore
from callsheet.outbox.supervisor.wait_bar import WaitBar


def filled(folder, count):
    store = EntryStore(folder)
    store.make()
    for number in range(count):
        store.draft(Entry(f"ping-{number}", "ping", str(number), {}, 1.0))
        store.post(f"ping-{number}")
    return store


def move(store, id, state):
    store.path(PENDING, id).rename(store.path(state, id))


def test_the_last_line_says_n_of_n(tmp_path, capsys):
    store = filled(tmp_path, 3)
    with WaitBar(store) as bar:
        bar.show(store.left())
        for number in range(3):
            move(store, f"ping-{number}", DONE)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Outbox: 0 of 3 done; 3 left (ping)." and lines[-1] == "Outbox: 3 of 3 done."


def test_it_tells_the_truth_of_what_failed_and_of_what_is_left(tmp_path, capsys):
    store = filled(tmp_path, 3)
    with WaitBar(store) as bar:
        bar.show(store.left())
        move(store, "ping-0", DONE)
        move(store, "ping-1", FAILED)
    assert capsys.readouterr().err.splitlines()[-1] == "Outbox: 1 of 3 done; 1 failed; 1 left (ping)."


def test_what_came_later_is_counted_too(tmp_path, capsys):
    store = filled(tmp_path, 1)
    with WaitBar(store) as bar:
        bar.show(store.left())
        move(store, "ping-0", DONE)
        store.draft(Entry("pong-1", "pong", "1", {}, 1.0))
        store.post("pong-1")
        bar.show(store.left())
        move(store, "pong-1", DONE)
    assert capsys.readouterr().err.splitlines()[-1] == "Outbox: 2 of 2 done."


def test_several_kinds_are_counted_apart(tmp_path, capsys):
    store = filled(tmp_path, 2)
    store.draft(Entry("benchmarks-1", "benchmarks", "1", {}, 1.0))
    store.post("benchmarks-1")
    with WaitBar(store) as bar:
        bar.show(store.left())
    assert capsys.readouterr().err.splitlines()[-1] == "Outbox: 0 of 3 done; 3 left (benchmarks: 1, ping: 2)."


def test_who_never_waited_says_nothing(tmp_path, capsys):
    with WaitBar(filled(tmp_path, 0)):
        pass
    assert capsys.readouterr().err == ""


def test_a_terminal_of_80_columns_shows_in_full_how_to_end_the_wait(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    store = filled(tmp_path, 3)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with WaitBar(store) as bar:
        bar.show(store.left())
        bar.show(store.left())
    shown = capsys.readouterr().err
    assert shown.count("Ctrl-C ends the wait, and loses nothing.\n") == 1 and "3 left (ping)." in shown
