"""`callsheet report … --serve`: from the command to the last line."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from pathlib import Path

import click

from callsheet.errors import CallsheetError
from callsheet_plugins.report.serving.door import HERE
from callsheet_plugins.report.serving.live import Live
from callsheet_plugins.report.serving.server import Server
from callsheet_plugins.report.serving.taken import who_has

ANY = 0  # the system chooses a port that is free


def serve(paths: Sequence[Path], port: int = ANY) -> None:
    """Show what lies at `paths` until Ctrl-C. Raises `CallsheetError` where there is no run, or the port is taken."""
    with bound(port) as listening:
        live = Live(paths)
        with Server(listening, live) as server:
            try:
                _tell(server)
                server.serve_forever(poll_interval=3600)  # a signal ends the wait, nothing else
            except KeyboardInterrupt:
                click.echo("\ncallsheet: The page is no longer served.", err=True)
                raise


def bound(port: int) -> socket.socket:
    """A socket that listens on this machine alone: it is taken before the page is made, which may take seconds."""
    made = socket.socket()
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((HERE, port))
        made.listen()
    except OSError as error:
        made.close()
        raise CallsheetError(_refused(port, error)) from error
    return made


def _refused(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken, by {who_has(port)}. Leave out --port, and a free one is chosen."
    return f"Port {port} cannot be used: {error.strerror}. Leave out --port, and a free one is chosen."


def _tell(server: Server) -> None:
    port = server.server_port
    click.echo(server.address)
    click.echo("The page follows the runs. Whoever has this address, and is on this machine, sees it. Ctrl-C ends it.")
    click.echo(f"From another machine: ssh -L {port}:{HERE}:{port} {socket.gethostname()}, and the same address there.")
