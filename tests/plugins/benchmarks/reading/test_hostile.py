"""Whatever an engine leaves, its job fails with a sentence or is scored, the others go on, and the courier stays small."""

import resource
import sys
import threading
import time

from waiting import PATIENCE

from callsheet import LogContext
from callsheet.outbox import Outbox
from callsheet_plugins.benchmarks import Benchmarks
from plugins.benchmarks.conftest import checkpoint, entries, events, scored, start_courier

RESIDENT_KB = 150_000
GOOD = 'echo "{\\"metrics\\": {\\"a\\": 1}}" > $0'
PYTHON = f"{sys.executable} -S -c"
# What the engine does, its file of results being $0, and what is said of it; nothing where it is scored.
HOSTILE = {
    "device": ("ln -s /dev/zero $0", "results.json is a symbolic link, no regular file."),
    "fifo": ("mkfifo $0", "results.json is a FIFO, no regular file."),
    "folder": ("mkdir $0", "results.json is a folder, no regular file."),
    "nothing": ("ln -s nowhere $0", "results.json is a symbolic link, no regular file."),
    "large": ("truncate -s 8G $0", "results.json holds 8,589,934,592 bytes, and 16,777,216 are read at most."),
    "deep": (f"{PYTHON} 'print(\"[\" * 10**6)' > $0", "results.json is nested too deeply to be read as JSON."),
    "keys": (
        f"""{PYTHON} 'print("{{\\"metrics\\":{{", ",".join(f"\\"{{i:x}}\\":1" for i in range(300000)), "}}}}")' > $0""",
        "they hold 300,000 numbers, and 10,000 are taken at most.",
    ),
    "name": (
        f"""{PYTHON} 'print("{{\\"metrics\\":{{\\"", "a" * 10**7, "\\":1}}}}")' > $0""",
        "they hold a name of 10,000,002 characters, and 500 are taken at most.",
    ),
    "memory": (
        f"""{PYTHON} 'print("{{\\"metrics\\":", "[" + "{{}}," * 5500000 + "0]", "}}")' > $0""",
        '"metrics" of results.json must name at least one number; the whole is a list of 5500001.',
    ),
    "digits": (f"{PYTHON} 'print(\"9\" * 10**7)' > $0", "results.json cannot be read as JSON: Exceeds the limit"),
    "words": (GOOD.replace("1", "NaN"), ""),
    "many": (f"{GOOD}; mkdir $1/d; cd $1/d; seq 5000 | xargs touch", ""),
    "talkative": (f"{GOOD}; yes aaaaaaa | tr -d '\\n' | head -c 100000000", ""),
    "rows": (f"{GOOD}; (echo '{{\"x\": 1}}'; head -c 90000000 /dev/zero) > $1/predictions.jsonl", ""),
    "endless": (f"{GOOD}; ln -s /dev/zero $1/predictions.jsonl", ""),
    "books": (f"{GOOD}; cd $1/..; for file in handle outcome slurm; do ln -sf /dev/zero $file.json; done", None),
    "drawers": (f"{GOOD}; cd $1/..; rm -f handle.json; mkdir handle.json", None),
    "good": (GOOD, ""),
}


def put_all(run_dir, commands, **settings):
    define = {
        name: {"engine": "command", "command": ["sh", "-c", said, "{results}", "{output}"]}
        for name, said in commands.items()
    }
    plugin = Benchmarks(benchmarks=[*commands], define=define, attempts=1, slots=4, **settings)
    ctx = LogContext(run_dir, "test", run_dir.name, {}, outbox=Outbox(run_dir))
    plugin.on_checkpoint_complete(ctx, checkpoint(run_dir, 1))


def resident_at_most(process):
    """The most memory, in KB, that a process has had until it ended; that of its children does not count."""
    most = 0
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status") as file:
                most = next((int(line.split()[1]) for line in file if line.startswith("VmHWM")), most)
        except OSError:
            break
        time.sleep(0.005)
    return most


def test_whatever_engines_leave_the_courier_stays_small_and_the_others_are_scored(run_dir):
    put_all(run_dir, {name: command for name, (command, _) in HOSTILE.items()})
    courier = start_courier(run_dir)
    log = threading.Thread(target=courier.stderr.read, daemon=True)
    log.start()
    resident = resident_at_most(courier)
    assert courier.wait(PATIENCE) == 0
    said = {entry.payload["name"]: entry.error for entry in entries(run_dir, "failed")}
    for name, (_, sentence) in HOSTILE.items():
        if sentence:
            assert f"{name!r} (command) failed after one attempt: it left no readable results: " in said.pop(name)
            assert sentence in next(row["reason"] for row in events(run_dir, "benchmark_failed") if row["name"] == name)
    assert "'books' (command) failed after one attempt" in said.pop("books")
    assert "handle.json of job drawers is no regular file any more: its engine has changed it." in said.pop("drawers")
    assert not said
    results = {entry.payload["name"]: entry.result["evals"][0] for entry in scored(run_dir)}
    assert {*results} == {name for name, (_, sentence) in HOSTILE.items() if sentence == ""}
    odd = {name: row["left_out"]["predictions"] for name, row in results.items() if "left_out" in row}
    assert odd == {
        "rows": "unreadable from row 2 on (line 2 of predictions.jsonl holds more than 4,194,304 bytes.)",
        "endless": "unreadable from row 1 on (predictions.jsonl is a symbolic link, no regular file.)",
    }
    assert 10_000 < resident < RESIDENT_KB


def test_below_a_limit_of_memory_what_needs_more_fails_with_a_sentence(run_dir):
    commands = {
        "hog": f"{sys.executable} -S -c 'x = bytearray(10**9)'",
        "keys": HOSTILE["keys"][0].replace("300000", "900000"),
        "good": GOOD,
    }
    put_all(run_dir, commands)
    courier = start_courier(run_dir)
    resource.prlimit(courier.pid, resource.RLIMIT_AS, (200 << 20, 200 << 20))
    _, log = courier.communicate(timeout=PATIENCE)
    assert courier.returncode == 0, log
    said = {entry.payload["name"]: entry.error for entry in entries(run_dir, "failed")}
    assert said.keys() == {"hog", "keys"} and "It said last: MemoryError" in said["hog"]
    assert "reading them takes more than 200 MiB of memory." in said["keys"]
    assert [entry.payload["name"] for entry in scored(run_dir)] == ["good"]
