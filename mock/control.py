"""The control channel: JSON lines over a loopback TCP port (or a Unix socket) switch faults while the board runs."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mock.outputs import loopback_server

MAX_REQUEST = 4096
MAX_CLIENTS = 8

Handler = Callable[[dict[str, Any]], dict[str, Any]]


class Control:
    """`address`: a port number (0: a free one) or the path of a Unix socket."""

    def __init__(self, address: str, handle: Handler) -> None:
        self._handle = handle
        self._path = None if address.isdigit() else Path(address)
        self._clients: dict[socket.socket, bytes] = {}
        if self._path is None:
            self._server = loopback_server(int(address))
            self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        else:
            self._server = _unix_server(self._path)
            self.address = str(self._path)

    def waitable(self) -> list[int]:
        return [self._server.fileno(), *(client.fileno() for client in self._clients)]

    def poll(self) -> None:
        """Answers everything that has been asked."""
        with contextlib.suppress(BlockingIOError):
            while True:
                client, _ = self._server.accept()
                client.setblocking(False)
                self._clients[client] = b""
                if len(self._clients) > MAX_CLIENTS:
                    self._drop(next(iter(self._clients)))
        for client in list(self._clients):
            self._serve(client)

    def close(self) -> None:
        for client in list(self._clients):
            self._drop(client)
        self._server.close()
        if self._path:
            self._path.unlink(missing_ok=True)

    def _serve(self, client: socket.socket) -> None:
        try:
            data = client.recv(MAX_REQUEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        *lines, rest = (self._clients[client] + data).split(b"\n")
        if not data or len(rest) > MAX_REQUEST:
            self._drop(client)
            return
        self._clients[client] = rest
        answers = b"".join(json.dumps(self._answer(line)).encode() + b"\n" for line in lines if line.strip())
        with contextlib.suppress(OSError):  # who does not read the answer does not get it
            client.send(answers)

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise ValueError("a request is a JSON object")
            return {"ok": True, **self._handle(request)}
        except (ValueError, RecursionError) as error:
            return {"ok": False, "error": str(error)}

    def _drop(self, client: socket.socket) -> None:
        del self._clients[client]
        client.close()


def _unix_server(path: Path) -> socket.socket:
    if not hasattr(socket, "AF_UNIX"):
        raise OSError("this system has no Unix sockets; give a port number")
    if path.is_socket():
        path.unlink()
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        server.bind(os.fspath(path))
        server.listen()
    except OSError as error:
        server.close()
        raise OSError(error.errno, error.strerror, str(path)) from None
    server.setblocking(False)
    return server
