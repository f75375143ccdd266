"""Closed, full, stalled and hung-up terminals and pipes: what runs goes on, and what is lost is said where it counts."""

import fcntl
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import threading

import pytest
import warm
from conftest import QUIET
from waiting import PATIENCE, wait_until

PROGRAM = "from callsheet.process.exit import leave_after\nfrom callsheet.process import streams\n"
RUN = [*QUIET, "plugins=[progress]", "plugins.progress.every_steps=1", "output_dir=run"]
TORN = ("Traceback", "Exception ignored", "BrokenPipeError", "Errno")


@pytest.fixture
def shell(tmp_path):
    """Run a shell's line, in which PYTHON is this one, and return the exit code of its first command and stderr."""

    def run(line, **options):
        said = f"{line.replace('PYTHON', shlex.quote(sys.executable))}\nexit ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", said], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, **options
        )
        return done.returncode, done.stderr

    return run


@pytest.fixture
def program(tmp_path, shell):
    def run(code, streams, flags=""):
        (tmp_path / "program.py").write_text(f"{PROGRAM}{code}")
        return shell(f"PYTHON {flags} program.py {streams}")

    return run


LOUD = """
def end():
    for number in range(20_000):
        print("x" * 50, number)
    print("y" * 100_000, file=sys.stderr)
    sys.stdout.buffer.write(b"z" * 100_000)
    open("done", "w").write("done")
    return 3
import sys
leave_after(end)
"""
LOST = ["| head -1", ">&-", "2>&-", ">/dev/full", "2>/dev/full", "<&- >&- 2>&-", "2>&1 | head -1"]


@pytest.mark.parametrize("flags", ["", "-u"])
@pytest.mark.parametrize("streams", LOST)
def test_what_nobody_reads_ends_no_process_and_changes_no_exit_code(program, tmp_path, streams, flags):
    code, error = program(LOUD, streams, flags)
    assert code == 3 and (tmp_path / "done").exists()
    assert not any(word in error for word in TORN)


def test_without_it_a_reader_that_goes_ends_the_process(program):
    code, error = program(LOUD.replace("leave_after(end)", "sys.exit(end())"), "| head -1")
    assert code == 1 and "BrokenPipeError" in error


def test_no_file_lands_on_the_number_of_a_closed_stream(program, tmp_path):
    code, _ = program(
        "import os, sys\ndef end():\n    kept = open('kept', 'w')\n    print('out')\n    print('err', file=sys.stderr)\n"
        "    os.system('echo child; echo child >&2')\n    kept.write(repr(sys.stdin.read()))\nleave_after(end)",
        "<&- >&- 2>&-",
    )
    assert code == 0 and (tmp_path / "kept").read_text() == "''"


def test_a_stream_that_is_closed_later_is_not_written_to_under_its_number(program, tmp_path):
    program(
        "import os\ndef end():\n    os.close(1)\n    print('lost', flush=True)\n    kept = open('kept', 'w')\n"
        "    print('lost', flush=True)\n    kept.write('kept')\nleave_after(end)",
        "",
    )
    assert (tmp_path / "kept").read_text() == "kept"


def test_nobody_can_close_a_stream_for_the_others(program):
    code, error = program(
        "import sys\ndef end():\n    sys.stdout.close()\n    sys.stderr.close()\n    print('after')\n"
        "    print('after', file=sys.stderr)\nleave_after(end)",
        ">out",
    )
    assert (code, error) == (0, "after\n")


@pytest.mark.parametrize("coding", ["ascii", "latin-1", "utf-8"])
def test_what_the_encoding_lacks_is_escaped(tmp_path, coding):
    (tmp_path / "program.py").write_text(PROGRAM + "leave_after(lambda: print('φ \\udce9 plain'))")
    environment = {**os.environ, "PYTHONIOENCODING": coding}
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, env=environment, timeout=PATIENCE
    )
    assert done.returncode == 0 and done.stdout.endswith(b"\\udce9 plain\n")


def test_a_stalled_reader_is_waited_for_once_and_told_what_it_missed(tmp_path):
    (tmp_path / "program.py").write_text(
        f"{PROGRAM}import sys\nstreams.READER_SECONDS = 0.1\n"
        "def end():\n    streams.work_comes_first()\n    for number in range(20_000):\n        print('x' * 50)\n"
        "    open('written', 'w').close()\n    sys.stdin.read()\n    print('last')\n    return 3\nleave_after(end)"
    )
    command = [sys.executable, "program.py"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        wait_until((tmp_path / "written").exists)
        said = [process.stdout.readline() for _ in range(100)]
        reader = threading.Thread(target=lambda: said.append(process.stdout.read()))
        reader.start()
        process.stdin.close()
        reader.join()
    text = "".join(said)
    missing = sum(map(int, re.findall(r"\[(\d+) bytes are missing here: nobody read them\]", text)))
    shown = re.sub(r"\n\[\d+ bytes are missing here: nobody read them\]\n", "", text)
    assert process.returncode == 3 and text.endswith("last\n")
    assert missing and len(shown) + missing == 20_000 * 51 + len("last\n")


def test_a_reader_that_takes_its_time_gets_all_that_a_command_shows(program, tmp_path):
    lines = "def end():\n    for number in range(20_000):\n        print(number)\nleave_after(end)"
    code, error = program(lines, "| (sleep 0.3; cat) >all")
    assert (code, error) == (0, "") and len((tmp_path / "all").read_text().split()) == 20_000


def test_a_pipe_that_does_not_block_gets_all_that_a_command_shows(tmp_path):
    (tmp_path / "program.py").write_text(
        PROGRAM + "def end():\n    for number in range(50_000):\n        print(number)\nleave_after(end)"
    )
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with (
        subprocess.Popen([sys.executable, "program.py"], cwd=tmp_path, stdout=writing) as process,
        open(reading) as all,
    ):
        os.close(writing)
        assert all.read().split() == [*map(str, range(50_000))]
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("command", "streams"),
    [
        ("plugins", "| head -1"),
        ("plugins", ">&-"),
        ("explain recipe=demo", "| true"),
        ("plugins bema", "2>&-"),
        ("train recipe=demo --cfg job", "| true"),
        ("train recipe=demo --cfg job", "<&- >&- 2>&-"),
    ],
)
def test_a_command_whose_reader_goes_ends_quietly(shell, command, streams):
    code, error = shell(f"PYTHON -m callsheet {command} {streams}")
    assert (code, error) == (0, "")


@pytest.mark.parametrize("command", ["plugins", "explain recipe=demo", "--help", "train recipe=demo --cfg job"])
def test_what_a_command_could_not_show_is_said(shell, command):
    code, error = shell(f"PYTHON -m callsheet {command} >/dev/full")
    assert (code, error) == (1, "callsheet: The output could not be written: No space left on device.\n")


def test_a_terminal_that_says_it_has_no_columns_shows_all_the_same(shell, tmp_path):
    environment = {**os.environ, "COLUMNS": "0"}
    assert shell("PYTHON -m callsheet explain recipe=demo >shown", env=environment) == (0, "")
    assert "Plugin bema" in (tmp_path / "shown").read_text()


def test_a_mistake_keeps_its_exit_code_when_nobody_reads(shell):
    assert shell("PYTHON -m callsheet check recipe=demo plugins=[bemo] >&- 2>&-") == (2, "")
    assert shell("PYTHON -m callsheet check recipe=demo plugins=[bemo] 2>&1 | true") == (2, "")


@pytest.mark.parametrize("command", ["check recipe=demo", "train recipe=demo", "status x", "outbox x"])
def test_a_working_directory_that_was_deleted_is_a_sentence(shell, tmp_path, command):
    (tmp_path / "gone").mkdir()
    code, error = shell(f"cd gone && rmdir ../gone && PYTHON -m callsheet {command}")
    assert code == 2 and error == (
        "callsheet: The working directory of this shell was deleted. Change to one that exists: cd ~\n"
    )


def started(tmp_path, *overrides, **options):
    command = [sys.executable, "-m", "callsheet", "train", *RUN, *overrides]
    ranks = any("launch=" in each for each in overrides)
    return warm.Popen(command, cwd=tmp_path, workers=ranks, env={**os.environ, "COLUMNS": "80"}, **options)


def started_behind(code, tmp_path, *launch, **options):
    """The same, after `code` has run in its process."""
    arguments = ["callsheet", "train", *RUN, *launch]
    begun = f"import fcntl, os, runpy, sys, termios; {code}; sys.argv = {arguments}; "
    command = [sys.executable, "-c", f"{begun}runpy.run_module('callsheet', run_name='__main__', alter_sys=True)"]
    return warm.Popen(command, cwd=tmp_path, workers=bool(launch), **options)


def is_whole(run):
    assert json.loads((run / "run.json").read_text())["status"] == "completed"
    steps = [json.loads(line)["step"] for line in (run / "checkpoints.jsonl").read_text().splitlines()]
    return [*dict.fromkeys(steps)] == [4, 8, 12] and (run / "checkpoint-12" / "model.safetensors").exists()


LAUNCHES = [(), ("launch=ddp", "launch.processes=2")]
single_and_ddp = pytest.mark.parametrize("launch", LAUNCHES, ids=["single", "ddp"])


@single_and_ddp
def test_training_outlives_a_reader_that_goes(tmp_path, launch):
    reading, writing = os.pipe()
    with started(tmp_path, *launch, stdout=writing, stderr=writing) as process:
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
    assert process.returncode == 0 and is_whole(tmp_path / "run")


@single_and_ddp
def test_training_waits_for_no_reader_that_stalls(tmp_path, launch):
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writing, not launch)
    os.write(writing, b"x" * 4096)
    with started(tmp_path, *launch, stdout=writing, stderr=writing) as process:
        os.close(writing)
        assert process.wait(PATIENCE) == 0 and is_whole(tmp_path / "run")
    os.close(reading)


@single_and_ddp
def test_training_outlives_its_terminal(tmp_path, launch):
    leader, follower = pty.openpty()

    streams = dict.fromkeys(("stdin", "stdout", "stderr"), follower)
    own_it = "fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
    with started_behind(own_it, tmp_path, *launch, start_new_session=True, **streams) as process:
        os.close(follower)
        said = b""
        while b"Run directory" not in said:
            said += os.read(leader, 4096)
        os.close(leader)  # the kernel sends SIGHUP to the terminal's processes
        assert process.wait(PATIENCE) == 0
    assert is_whole(tmp_path / "run")


def test_a_full_disk_for_the_log_changes_no_exit_code_of_training(tmp_path):
    with open("/dev/full", "w") as full, started(tmp_path, stdout=full, stderr=full) as process:
        assert process.wait(PATIENCE) == 0
    assert is_whole(tmp_path / "run")


def test_closed_streams_change_no_exit_code_of_training(tmp_path):
    with started_behind("os.closerange(0, 3)", tmp_path, "launch=ddp", "launch.processes=2") as process:
        assert process.wait(PATIENCE) == 0
    assert is_whole(tmp_path / "run")


def test_a_signal_finds_a_terminal_that_is_gone(tmp_path):
    reading, writing = os.pipe()
    with started(tmp_path, "trainer.args.max_steps=100000", stdout=writing, stderr=writing) as process:
        os.close(writing)
        os.close(reading)
        wait_until((tmp_path / "run" / "checkpoints.jsonl").exists)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "interrupted"


def test_a_run_outlives_its_working_directory(tmp_path):
    (tmp_path / "gone").mkdir()
    with started(tmp_path / "gone", f"output_dir={tmp_path}/run", "trainer.args.max_steps=40") as process:
        wait_until((tmp_path / "run" / "checkpoints.jsonl").exists)
        (tmp_path / "gone").rmdir()
    assert process.returncode == 0
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "completed"
