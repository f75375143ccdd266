"""What an engine's reader does ends in its own process, and what does not answer holds up its own job alone."""

import ctypes
import os
import signal
import time

import pytest
from waiting import wait_until

from callsheet.outbox import Transient
from callsheet_plugins.benchmarks.definitions import Benchmark
from callsheet_plugins.benchmarks.engines import Work
from callsheet_plugins.benchmarks.reading import process
from callsheet_plugins.benchmarks.reading.process import Reading, Readings
from plugins.benchmarks.test_docs import install, site  # noqa: F401

ODD = """
import os, sys, threading, time
from callsheet_plugins.benchmarks.engines import Engine, Scores, json_of, rows_of

class Odd(Engine):
    def problems(self, name, benchmark):
        return iter(())

    def command(self, work):
        return ["true"]

    def results(self, work):
        return self.read(work, **work.benchmark.options)

    def read(self, work, code="", metrics=None, rows=()):
        found = {}
        exec(code, globals(), found)
        return Scores({"a": 1} if metrics is None else metrics, {}, found.get("rows", rows))
"""


@pytest.fixture
def odd(site):  # noqa: F811
    install(site, "odd-one", "[callsheet.benchmark_engines]\nodd = odd_one:Odd\n", "odd_one", ODD)


@pytest.fixture
def work(tmp_path):
    def make(**options):
        (tmp_path / "attempt-1" / "out").mkdir(parents=True, exist_ok=True)
        folder = tmp_path / "attempt-1"
        (folder / "log.txt").write_text("a log\n")
        return Work("mine", Benchmark("odd", options=options), "model", None, folder, folder / "out")

    return make


def answer(work):
    reading, found = Reading(work, scored=True), []
    wait_until(lambda: found.append(reading.answer()) or found[-1] is not None)
    return found[-1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"code": "x = 'x' * (2 << 30)"}, "reading them takes more than 1024 MiB of memory."),
        (
            {"code": "x = [bytearray(1 << 20) for _ in range(2 << 10)]"},
            "reading them takes more than 1024 MiB of memory.",
        ),
        ({"code": "os._exit(0)"}, "the process that read them ended with exit code 0."),
        ({"code": "os.kill(os.getpid(), 9)"}, "the process that read them ended with exit code -9."),
        ({"code": "sys.exit('enough')"}, "SystemExit: enough."),
        ({"code": "raise KeyError('gone')"}, "KeyError: 'gone'."),
        ({"code": "raise ValueError('x' * 10**6)"}, "ValueError: x"),
        ({"metrics": {}}, "they hold no number."),
        ({"metrics": 3}, "they hold no number."),
        ({"metrics": {str(i): i for i in range(10_001)}}, "they hold 10,001 numbers, and 10,000 are taken at most."),
        ({"metrics": {"x" * 501: 1}}, "they hold a name of 501 characters, and 500 are taken at most."),
    ],
)
def test_what_a_reader_does_costs_its_own_job_alone(odd, work, options, said):
    found = answer(work(**options))
    assert found.scores is None and found.malformed.startswith(said) and len(found.malformed) < 2000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"code": "print('x' * 10**6, flush=True); os.write(2, b'x' * 10**6)"}, None),
        ({"code": "threading.Thread(target=time.sleep, args=(600,)).start()"}, None),
        ({"rows": [{"a": 1}, 3]}, "unreadable from row 2 on (row 2 is"),
        ({"code": "rows = ({'a': 'x' * (5 << 20)} for _ in range(3))"}, "unreadable from row 1 on (row 1 holds 5,242,"),
        ({"code": "rows = (1 / 0 for _ in range(3))"}, "unreadable from row 1 on (division by zero"),
    ],
)
def test_predictions_cost_no_score(odd, work, options, said):
    job = work(**options)
    found = answer(job)
    assert found.scores["metrics"] == {"a": 1} and not found.malformed
    assert found.scores["left_out"].get("predictions", "none").startswith(said or "none")
    assert found.scores["predictions"] == (job.folder / "predictions.jsonl").exists()
    assert {path.name for path in job.folder.iterdir()} <= {"log.txt", "out", "predictions.jsonl"}


@pytest.mark.parametrize(
    "code", ["time.sleep(600)", "os.mkfifo('fifo'); open('fifo').read()", "os.kill(os.getpid(), 19)"]
)
def test_a_reader_that_hangs_is_waited_for_a_while_and_others_meanwhile_not(odd, work, code, monkeypatch, tmp_path):
    monkeypatch.setattr(process, "SECONDS", 3.0)
    monkeypatch.setattr(process, "MOMENT_SECONDS", 0.1)
    monkeypatch.chdir(tmp_path)
    readings, began = Readings(), time.monotonic()
    with pytest.raises(Transient) as raised:
        readings.answer(job := work(code=code), scored=True)
    assert not raised.value.counts and raised.value.retry_after == process.LOOK_SECONDS
    (under_way,) = readings._under_way.values()
    found = None
    while found is None:
        found = under_way.answer()
    assert found.malformed == "reading them took more than 3.0 seconds, and was ended."
    assert time.monotonic() - began >= 3.0 and under_way._process.wait(30) == -signal.SIGKILL
    assert (job.folder / "log.txt").read_text() == "a log\n"


@pytest.fixture
def stalled(tmp_path):
    """A folder of a file system that answers nothing, as a network one whose server is gone."""
    folder = tmp_path / "stalled"
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        server = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        pytest.skip(f"/dev/fuse cannot be opened: {error.strerror}")
    options = f"fd={server},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    if libc.mount(b"stalled", os.fsencode(folder), b"fuse", 0, options.encode()):
        os.close(server)
        pytest.skip(f"nothing can be mounted: {os.strerror(ctypes.get_errno())}")
    yield folder
    os.close(server)
    libc.umount2(os.fsencode(folder), 2)


def test_a_file_system_that_does_not_answer_costs_the_job_alone(work, stalled, monkeypatch):
    from dataclasses import replace

    monkeypatch.setattr(process, "SECONDS", 2.0)
    found = answer(replace(work(), benchmark=Benchmark("command"), out=stalled))
    assert found.malformed == "reading them took more than 2.0 seconds, and was ended."


def test_where_nothing_can_be_started_it_is_tried_again(work, monkeypatch):
    monkeypatch.setattr(process.sys, "executable", "/nowhere/python")
    with pytest.raises(Transient, match="no process was started") as raised:
        Readings().answer(work(), scored=True)
    assert raised.value.counts
