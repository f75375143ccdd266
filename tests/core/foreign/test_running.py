"""Code that ends, hangs, doubles or changes the process in which it is imported: named, and undone where others feel it."""

import json
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import warnings

import pytest
from waiting import PATIENCE, wait_until

from callsheet.errors import CallsheetError
from callsheet.foreign import slowness
from callsheet.foreign.running import failed, foreign, named
from callsheet.introspect.importing import import_object

WHO = "Plugin 'odd' from odds 1.0"


def imported(source):
    """Run the source as an import would; what it changed, in sentences."""
    with foreign(WHO) as found:
        named(WHO, lambda: exec(compile(source, "odd.py", "exec"), {}))
    return found


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import os\nos._exit(0)", "called os._exit while it was imported (odd.py, line 2)."),
        ("import posix\nposix._exit(0)", "called os._exit"),
        ("from os import _exit\ntry:\n    _exit(0)\nexcept BaseException:\n    pass", "called os._exit"),
        ("import os\nos.execl('/bin/true', 'true')", "called os.execv while it was imported (odd.py, line 2)."),
        ("import os\nos.execvpe('true', ['true'], {})", "called os.execve"),
        ("import os\nos.fork()", "called os.fork"),
        ("import multiprocessing as m\nm.get_context('fork').Process(target=print).start()", "called os.fork"),
        ("import pty\npty.fork()", "called os.forkpty"),
        ("import sys\nsys.exit()", "failed while it was imported: SystemExit. (odd.py, line 2)"),
        ("raise SystemExit('bye')", "failed while it was imported: SystemExit: bye. (odd.py, line 1)"),
        ("raise KeyboardInterrupt", "failed while it was imported: KeyboardInterrupt. (odd.py, line 1)"),
        ("raise GeneratorExit", "failed while it was imported: GeneratorExit. (odd.py, line 1)"),
        ("class Odd(BaseException): ...\nraise Odd('odd')", "failed while it was imported: Odd: odd. (odd.py, line 2)"),
    ],
)
def test_what_ends_or_doubles_the_process_is_refused(source, said):
    process, before = os.getpid(), os._exit
    with pytest.raises(CallsheetError) as refused:
        imported(source)
    assert str(refused.value).startswith(f"{WHO} {said}")
    assert os.getpid() == process and os._exit is before


def test_a_file_that_is_no_python_is_named_with_its_line():
    with pytest.raises(SyntaxError) as error:
        compile("def f():\n  class (", "/x/bad.py", "exec")
    assert failed(error.value) == "failed while it was imported: SyntaxError: invalid syntax. (/x/bad.py, line 2)"


def test_ctrl_c_during_an_import_is_no_fault_of_the_plugin():
    with pytest.raises(KeyboardInterrupt):
        imported("import os, signal\nos.kill(os.getpid(), signal.SIGINT)")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def state():
    return (
        os.getcwd(),
        [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGCHLD)],
        [*warnings.filters],
        sys.getrecursionlimit(),
        sys.gettrace(),
        [*logging.getLogger().handlers],
        logging.getLogger().level,
        logging.root.manager.disable,
        sys.modules["json"],
        (sys.stdin, sys.stdout, sys.stderr),
    )


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import os; os.chdir('/')", "the working directory to /"),
        (
            "import signal as s; s.signal(s.SIGTERM, s.SIG_IGN); s.signal(s.SIGPIPE, s.SIG_DFL)",
            "who handles SIGTERM, SIGPIPE",
        ),
        (
            "import signal as s; s.signal(s.SIGCHLD, s.SIG_IGN); s.signal(s.SIGINT, s.SIG_DFL)",
            "who handles SIGINT, SIGCHLD",
        ),
        ("import warnings; warnings.simplefilter('error')", "what becomes of all warnings (error)"),
        ("import warnings; warnings.filterwarnings('ignore')", "what becomes of all warnings (ignore)"),
        ("import sys; sys.setrecursionlimit(77_777)", "the limit of recursion to 77777"),
        ("import sys; sys.settrace(lambda *event: None)", "what traces every line (sys.settrace or setprofile)"),
        (
            "import logging; logging.getLogger().addHandler(logging.NullHandler())",
            "what becomes of everybody's log lines",
        ),
        ("import logging; logging.basicConfig(level=5, force=True)", "what becomes of everybody's log lines"),
        ("import logging; logging.disable()", "what becomes of everybody's log lines"),
        ("import os; os.umask(0o123)", "the umask to 123"),
        ("import sys, types; sys.modules['json'] = types.ModuleType('json')", "which module json is"),
        ("import sys; del sys.modules['json']", "which module json is"),
    ],
)
def test_what_others_would_feel_is_put_back_and_said(source, what):
    before, mask = state(), os.umask(0o022)
    try:
        (said,) = imported(source)
        assert state() == before and os.umask(0o022) == 0o022
    finally:
        os.umask(mask)
    assert said.startswith(f"{WHO} changed {what}") and said.endswith("while it was imported. It was put back.")


@pytest.mark.parametrize(
    ("source", "what"),
    [
        (
            "import os; os.environ['CALLSHEET_ODD'] = 'value'; os.environ.pop('PATH')",
            "the environment (CALLSHEET_ODD, PATH)",
        ),
        ("import sys; sys.path.insert(0, '/odd')", "where modules are found first (sys.path)"),
        ("import json, builtins\njson.dumps = str\nbuiltins.print = len", "what builtins.print, json.dumps means"),
        ("import sys; sys.excepthook = print", "what sys.excepthook means"),
        ("from pathlib import Path; Path.open = None", "what pathlib.Path.open means"),
    ],
)
def test_what_the_plugin_may_need_stays_and_is_said(monkeypatch, source, what):
    import builtins
    import pathlib

    for owner, name in ((json, "dumps"), (builtins, "print"), (sys, "excepthook"), (pathlib.Path, "open")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("PATH", os.environ["PATH"])
    monkeypatch.setenv("CALLSHEET_ODD", "before")
    (said,) = imported(source)
    assert said == f"{WHO} changed {what} while it was imported. It stays." and "value" not in said


def test_an_import_that_behaves_is_not_spoken_of():
    assert imported("import warnings, os, random\nx = 1\nwarnings.filterwarnings('ignore', message='odd')") == []


def test_random_numbers_go_on_as_if_the_import_had_drawn_none():
    import numpy
    import torch

    def drawn():
        return random.random(), numpy.random.random(), torch.rand(1).item()

    for seed in (random.seed, numpy.random.seed, torch.manual_seed):
        seed(7)
    expected = drawn()
    for seed in (random.seed, numpy.random.seed, torch.manual_seed):
        seed(7)
    assert imported("import random, numpy, torch\nrandom.seed(0)\nnumpy.random.seed(0)\ntorch.manual_seed(0)") == []
    assert drawn() == expected


def test_no_command_waits_for_a_thread_that_an_import_started():
    (said,) = imported("import threading\nthreading.Thread(target=threading.Event().wait, name='mine').start()")
    (thread,) = [each for each in threading.enumerate() if each.name == "mine"]
    assert (
        thread.daemon and said == f"{WHO} starts the thread 'mine' when it is imported. No command waits for its end."
    )


def test_what_is_printed_goes_to_stderr(capsys):
    imported("import sys\nprint('noise')\nsys.stdout = None")
    print("answer")
    assert capsys.readouterr() == ("answer\n", "noise\n")


def test_an_import_that_takes_long_is_named_with_its_line(monkeypatch, caplog):
    monkeypatch.setattr(slowness, "UNTOLD", 0.01)
    going_on = threading.Event()
    monkeypatch.setattr(sys, "going_on", going_on, raising=False)
    threading.Thread(target=lambda: (wait_until(lambda: caplog.messages), going_on.set()), daemon=True).start()
    imported("import sys\nsys.going_on.wait()")
    assert caplog.messages[0].startswith(f"{WHO} is still being imported, after 0.01 seconds (")


def test_a_crash_in_c_shows_whose_import_it_was():
    code = (
        "from callsheet.foreign.running import failed, foreign, named\nimport ctypes\n"
        f"with foreign({WHO!r}):\n    named({WHO!r}, lambda: ctypes.string_at(0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == -signal.SIGSEGV and f"the import of: {WHO}" in done.stderr


def test_what_a_configuration_names_by_its_path_is_guarded_too(tmp_path, monkeypatch):
    (tmp_path / "x_odd_reward.py").write_text("import os\nos._exit(0)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        CallsheetError, match=r"trainer.rewards=x_odd_reward.f called os._exit .*x_odd_reward.py, line 2"
    ):
        import_object("x_odd_reward.f", "trainer.rewards")
