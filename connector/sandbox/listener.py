"""The socket side of an emulator: keeps connections alive, and leaves none behind when it stops."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import urlsplit

from connector.sandbox.messages import Request, Response


class Responder(Protocol):
    """Whatever answers requests; None means to hang up without an answer."""

    def respond(self, request: Request) -> Response | None:
        """Answer a request."""
        ...


class Listener(ThreadingHTTPServer):
    """The socket side: remembers open connections, so that stopping leaves none behind."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], sandbox: Responder) -> None:
        self.sandbox = sandbox
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._connections_lock = threading.Lock()
        super().__init__(address, Connection)

    def server_bind(self) -> None:
        """Bind without asking the resolver for our own name, as the standard library does."""
        socket.socket.bind(self.socket, self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection, known to `close_connections` while it lasts."""
        with self._connections_lock:
            self._connections[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._connections_lock:
                self._connections.pop(request, None)

    def close_connections(self) -> None:
        """Hang up on every client and wait for the threads that served them."""
        with self._connections_lock:
            open_now = dict(self._connections)
        for connection in open_now:
            hang_up(connection)
        for thread in open_now.values():
            thread.join(timeout=2)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that goes away is no event here."""


class Connection(BaseHTTPRequestHandler):
    """One client connection, kept alive between requests."""

    protocol_version = "HTTP/1.1"
    server: Listener
    wbufsize = -1  # one write per response: unbuffered small writes cost 40 ms each through Nagle's algorithm
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        length = int(headers.get("content-length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the client died while it sent: nobody carries out half a request
            self.close_connection = True
            return
        response = self.server.sandbox.respond(Request(self.command, parts.path, parts.query, headers, body))
        if response is None:
            self.close_connection = True
            hang_up(self.connection)
            return
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep quiet; the request log is `SandboxServer.log`."""


def hang_up(connection: socket.socket) -> None:
    """Close a connection at once, whatever is still on its way."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
