"""Who gets the page, what they are told, and that nobody else is told anything."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import warm
from waiting import PATIENCE, wait_until

from callsheet.errors import CallsheetError
from callsheet_plugins.report.serving.serve import bound
from callsheet_plugins.report.serving.server import AT_A_TIME, Server
from plugins.report.made import make_run
from plugins.report.serving.served import ask, changes, log, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(make_run(tmp_path_factory.mktemp("runs") / "<script>", steps=30, status="running")) as made:
        yield made


def test_the_page_is_shown_to_whoever_has_its_address(server: Server) -> None:
    status, headers, text = ask(server, f"/{server.door.token}/")
    assert status == 200 and "<!doctype html>" in text and "data-live" in text
    assert headers["Referrer-Policy"] == "no-referrer" and headers["Cache-Control"] == "no-store"
    assert "connect-src &#39;self&#39;" in text and server.door.token not in text


def test_an_address_without_its_last_sign_is_led_to_it(server: Server) -> None:
    status, headers, _ = ask(server, f"/{server.door.token}")
    assert (status, headers["Location"]) == (308, f"/{server.door.token}/")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/changes",
        "/favicon.ico",
        "/x{token}/",
        "/{token}x/",
        "/{short}/",
        "/é/",
        "/?{token}",
        "*",
        "http://127.0.0.1/{token}/",
    ],
)
def test_without_the_token_nothing_is_told(server: Server, path: str) -> None:
    named = path.format(token=server.door.token, short=server.door.token[:-1])
    request = f"GET {named} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    assert is_nothing(told(server, request))


def test_whatever_is_no_request_is_told_nothing_either(server: Server) -> None:
    for request in (
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"\0\1\2\r\n\r\n",
        b"GET\r\n",
        b"GET / HTTP/9\r\n\r\n",
    ):
        assert is_nothing(told(server, request))


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "localhost.", "", "[::]", "localhost:99999999"]
)
def test_a_name_that_is_not_of_this_machine_is_refused(server: Server, host: str) -> None:
    assert ask(server, f"/{server.door.token}/", Host=host)[0] == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "LocalHost:9000", "[::1]:80"])
def test_a_tunnel_may_end_at_any_port(server: Server, host: str) -> None:
    assert ask(server, f"/{server.door.token}/", Host=host)[0] == 200


def test_two_names_are_none(server: Server) -> None:
    path = f"/{server.door.token}/"
    assert is_nothing(told(server, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n".encode()))


def test_it_is_heard_on_loopback_alone(server: Server) -> None:
    assert server.socket.getsockname()[0] == "127.0.0.1"


def test_only_what_changed_is_sent(server: Server, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", steps=30, status="running")
    with serving(run) as made:
        before = changes(made)
        has = ",".join(f"{part['id']}.{part['hash']}" for part in before["parts"])
        assert [part["id"] for part in before["parts"]] == before["order"] and not changes(made, has)["parts"]
        log(run, {"step": 31, "loss": 0.5})
        assert "curves" in [part["id"] for part in changes(made, has)["parts"]]


def test_a_run_that_vanishes_is_said_and_the_page_stays(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", steps=30)
    with serving(run) as made:
        before = changes(made)
        run.rename(tmp_path / "gone")
        after = changes(made)
        assert "There is no folder" in after["fault"] and after["order"] == before["order"]
        (tmp_path / "gone").rename(run)
        assert changes(made)["fault"] == ""


def test_a_section_that_fails_is_said_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path / "run", steps=30)
    with serving(run) as made, monkeypatch.context() as patched:
        patched.setattr("callsheet_plugins.report.serving.live.payload", lambda report: 1 / 0)
        log(run, {"step": 31, "loss": 0.5})
        assert "ZeroDivisionError: division by zero" in changes(made)["fault"]
        patched.undo()
        assert changes(made)["fault"] == ""


def test_a_browser_that_hangs_up_or_takes_nothing_hinders_nobody(server: Server) -> None:
    request = f"GET /{server.door.token}/ HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    for _ in range(AT_A_TIME):
        with socket.create_connection(("127.0.0.1", server.server_port)) as gone:
            gone.sendall(request)
    wait_until(lambda: _is_shown(server))


def test_no_more_than_a_few_are_served_at_a_time(server: Server) -> None:
    silent = [socket.create_connection(("127.0.0.1", server.server_port)) for _ in range(AT_A_TIME + 4)]
    for each in silent:
        each.close()
    wait_until(lambda: _is_shown(server))


def test_the_command_shows_an_address_and_ends_at_once(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a run", steps=10)
    command = [sys.executable, "-m", "callsheet", "report", str(run), "--serve"]
    process = warm.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    address, *about = [process.stdout.readline() for _ in range(3)]
    assert address.startswith("http://127.0.0.1:") and len(address.split("/")[3]) == 32
    assert about[1].startswith("From another machine: ssh -L ")
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and error.strip() == "callsheet: The page is no longer served."


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--port", "80"], "add --serve"),
        (["--serve", "--out", "x.html"], "--serve writes no file"),
        (["--serve", "--port", "70000"], "is not in the range 1<=x<=65535"),
    ],
)
def test_options_that_mean_nothing_together_are_refused(tmp_path: Path, options: list[str], said: str) -> None:
    command = [sys.executable, "-m", "callsheet", "report", str(make_run(tmp_path / "run", steps=4)), *options]
    done = warm.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and said in done.stderr


def test_a_port_that_is_taken_names_who_has_it() -> None:
    with bound(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CallsheetError, match=rf"Port {port} is taken, by process {os.getpid()} \("):
            bound(port)


def _is_shown(server: Server) -> bool:
    try:
        return ask(server, f"/{server.door.token}/")[0] == 200
    except OSError:
        return False


def is_nothing(answer: bytes) -> bool:
    return answer.endswith(b"Forbidden\n") and len(answer) < 400 and b"Server:" not in answer and b"200" not in answer


def told(server: Server, request: bytes) -> bytes:
    """All that comes back."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))
