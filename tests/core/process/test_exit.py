"""How processes of Callsheet's own end; each test starts one, whose destructors abort as those of torch's threads may."""

import gzip
import os
import re
import signal
import subprocess
import sys

import pytest
from waiting import PATIENCE, wait_until

# C calls abort where it destroys libraries: what comes after Python's own end is never reached alive.
ARMED = "import ctypes; ctypes.CDLL(None).__cxa_atexit(ctypes.CDLL(None).abort, None, None)\n"
PROGRAM = ARMED + "from callsheet.process.exit import leave, leave_after\n"


def python(*arguments, **options):
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, **options)


@pytest.fixture
def program(tmp_path):
    """Run a script that ends as our processes do."""

    def run(code, *before):
        (tmp_path / "program.py").write_text(PROGRAM + code)
        return python(*before, "program.py", cwd=tmp_path)

    return run


def test_destructors_that_abort_change_no_exit_code(program):
    assert program("leave_after(lambda: 0)").returncode == 0
    assert program("raise SystemExit(0)").returncode == -signal.SIGABRT, "without us, this process dies of them"


@pytest.mark.parametrize(
    ("ending", "code", "said"),
    [
        ("return None", 0, ""),
        ("return 3", 3, ""),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit(2)", 2, ""),
        ("raise SystemExit(-1)", 255, ""),
        ("raise SystemExit('nothing to do')", 1, "nothing to do"),
        ("raise ValueError('odd')", 1, "ValueError: odd"),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt"),
    ],
)
def test_every_ending_has_the_code_and_the_words_that_python_gives_it(program, ending, code, said):
    done = program(f"def end():\n    {ending}\nleave_after(end)")
    assert done.returncode == code and said in done.stderr


def test_what_was_printed_and_logged_is_whole(program):
    done = program(
        "import logging, sys\nlogging.basicConfig(stream=sys.stderr)\n"
        "def end():\n    print('x' * 10_000, end='')\n    logging.warning('last words')\nleave_after(end)"
    )
    assert done.stdout == "x" * 10_000 and "last words" in done.stderr


def test_threads_finish_and_pools_give_their_results(program, tmp_path):
    program(
        "import threading, time\nfrom concurrent.futures import ThreadPoolExecutor\nfrom pathlib import Path\n"
        "def slowly(name):\n    time.sleep(0.3)\n    Path(name).touch()\n"
        "def end():\n    threading.Thread(target=slowly, args=('thread',)).start()\n"
        "    pool = ThreadPoolExecutor(1)\n    pool.submit(slowly, 'first')\n    pool.submit(slowly, 'second')\n"
        "leave_after(end)"
    )
    assert {path.name for path in tmp_path.iterdir()} >= {"thread", "first", "second"}


def test_exit_functions_run_and_one_that_raises_takes_no_other_with_it(program):
    done = program(
        "import atexit, tempfile\nfolder = tempfile.TemporaryDirectory(dir='.')\n"
        "atexit.register(print, 'first registered')\natexit.register(lambda: 1 / 0)\nleave_after(lambda: 0)"
    )
    assert done.returncode == 0 and done.stdout == "first registered\n" and "ZeroDivisionError" in done.stderr


def test_files_that_a_plugin_left_open_are_whole(program, tmp_path):
    program(
        "import gc, gzip\ntext, raw, packed = open('text', 'w'), open('raw', 'wb'), gzip.open('packed', 'wt')\n"
        "gc.freeze()\n"
        "for file in (text, packed): file.write('kept\\n' * 3)\n"
        "raw.write(b'kept')\nleave_after(lambda: 0)"
    )
    assert (tmp_path / "text").read_text() == "kept\n" * 3 and (tmp_path / "raw").read_bytes() == b"kept"
    assert gzip.decompress((tmp_path / "packed").read_bytes()) == b"kept\n" * 3


def test_a_reader_who_has_left_and_a_full_disk_change_no_exit_code(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM + "leave_after(lambda: print('x' * 100, end=''))")
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    how = {"cwd": tmp_path, "env": buffered, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "program.py"], stdout=subprocess.PIPE, **how)
    process.stdout.close()
    assert process.wait(PATIENCE) == 0
    with open("/dev/full", "w") as full:
        assert subprocess.run([sys.executable, "program.py"], stdout=full, **how).returncode == 0


def test_a_file_that_cannot_be_written_keeps_no_other_from_its_end(program, tmp_path):
    done = program(
        "first, kept, last = (open(name, 'w') for name in ('/dev/full', 'kept', '/dev/full'))\n"
        "for file in (first, kept, last): file.write('kept')\nleave_after(lambda: 3)"
    )
    assert (done.returncode, done.stderr) == (3, "") and (tmp_path / "kept").read_text() == "kept"


def test_a_thread_that_never_ends_is_named_and_left(program):
    done = program(
        "import threading\n"
        "threading.Thread(target=threading.Event().wait, name='uploads').start()\nleave(3, patience=0.2)"
    )
    assert done.returncode == 3 and "Thread 'uploads' did not end" in done.stderr


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait_and_not_the_result(tmp_path, signum):
    code = (
        "import threading\nfrom pathlib import Path\n"
        "kept = open('kept', 'w')\nkept.write('all of it')\n"
        "threading.Thread(target=threading.Event().wait, name='uploads').start()\n"
        "import callsheet.process.exit as ours\nours.UNTOLD = 0\nleave(0)"
    )
    (tmp_path / "program.py").write_text(PROGRAM + code)
    command = [sys.executable, "program.py"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert "Thread 'uploads' keeps this process" in process.stderr.readline()
        process.send_signal(signum)
        assert process.wait(PATIENCE) == 0
    assert (tmp_path / "kept").read_text() == "all of it"


def test_below_somebody_elses_program_it_only_raises(program, tmp_path):
    done = program("leave_after(lambda: 3)", "-m", "cProfile", "-o", "profile")
    assert (tmp_path / "profile").stat().st_size, "the profile is written after we are done"
    done = program("try:\n    (lambda: leave_after(lambda: 3))()\nfinally:\n    print('mine')")
    assert done.stdout == "mine\n"


def test_the_command_is_not_to_end_a_script_that_calls_it(program):
    done = program(
        "import sys\nfrom callsheet.cli.main import main\nsys.argv[1:] = ['plugins']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    print('goes on after', end.code)\nleave(0)"
    )
    assert done.stdout.endswith("goes on after 0\n"), done.stderr


@pytest.mark.slow
def test_every_process_of_a_run_ends_without_destructors(tmp_path):
    """The driver, its workers, the courier and the engine of its benchmarks; C keeps a record of those that do not."""
    record = tmp_path / "record"
    record.mkdir()
    (tmp_path / "sitecustomize.py").write_text(
        "import ctypes, os, sys\n"
        f"path = f'{record}/{{os.getpid()}}'\n"
        "open(path + '.began', 'w').write('\\n'.join(sys.orig_argv))\n"
        "open(path + '.left', 'w').close()\n"
        "keep = ctypes.create_string_buffer((path + '.left').encode())\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.__cxa_atexit(libc.unlink, keep, None)\n"
    )
    steps = ["trainer.args.max_steps=2", "trainer.args.save_steps=2", "trainer.args.eval_strategy=no"]
    ranks = ["launch=ddp", "launch.processes=2"]
    done = python(
        *("-m", "callsheet", "train", "recipe=demo", "output_dir=run", *steps, *ranks),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    began = {path: path.read_text().split("\n") for path in record.glob("*.began")}
    ours = {path: words for path, words in began.items() if "callsheet" in "\n".join(words[:3])}
    kinds = [words[2] if words[1] == "-m" else os.path.basename(words[1]) for words in ours.values()]
    by_plugins = [f"callsheet_plugins.{name}" for name in ("benchmarks.reading.child", "report.publishing")]
    assert sorted(set(kinds)) == ["callsheet", "callsheet.outbox.courier", *by_plugins, "generate.py"], began
    wait_until(lambda: not alive_among(ours))
    destroyed = [words for path, words in ours.items() if not path.with_suffix(".left").exists()]
    assert destroyed == []


def alive_among(files):
    return [path for path in files if os.path.exists(f"/proc/{path.stem}")]


def test_nobody_ends_it_by_the_back_door_without_a_word_or_as_if_all_were_well(program):
    done = program("import os, sys\ndef end():\n    print('kept', end='')\n    os._exit(0)\nleave_after(end)")
    assert (done.returncode, done.stdout) == (1, "kept")
    assert re.fullmatch(
        r"callsheet: os._exit\(0\) was called \(.*program.py, line 6\), and ended this process.\n", done.stderr
    )


@pytest.mark.parametrize("last", ["os._exit(0)", "sys.exit(0)"])
def test_what_is_called_at_the_exit_does_not_change_the_code(program, last):
    done = program(f"import atexit, os, sys\natexit.register(lambda: {last})\nleave_after(lambda: 3)")
    assert done.returncode == 3 and done.stderr


def test_a_child_may_end_as_it_likes(program):
    code = "import multiprocessing, os\ndef end():\n    child = multiprocessing.get_context('fork').Process(target=os._exit, args=(0,))\n"
    done = program(code + "    child.start()\n    child.join()\n    return child.exitcode\nleave_after(end)")
    assert (done.returncode, done.stderr) == (0, "")
