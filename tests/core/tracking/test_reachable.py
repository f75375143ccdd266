"""A server that takes connections is one, whatever it answers."""

from __future__ import annotations

import socket

import pytest

from callsheet.tracking.reachable import unreachable


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_a_port_where_somebody_listens_is_reached_and_then_no_more() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/mlflow"
        assert unreachable(url) == ""

    assert "refused" in unreachable(url)


def test_behind_a_proxy_nobody_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert unreachable("http://127.0.0.1.invalid:9/") == ""


@pytest.mark.parametrize("url", ["sqlite:///x.db", "", "databricks", "http//host"])
def test_what_is_no_server_is_not_asked(url: str) -> None:
    assert unreachable(url) == ""


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:99999/", "http://", "http://no-such-host.invalid/", f"http://{'a' * 300}/"]
)
def test_what_nobody_can_reach_is_said(url: str) -> None:
    assert unreachable(url)
