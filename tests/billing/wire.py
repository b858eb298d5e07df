"""A Stripe on loopback that answers as it is told, and keeps what it was asked."""

import json
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Request:
    """What came over the wire; `headers` are looked up in any case."""

    method: str
    url: str
    headers: Any
    body: str


@dataclass
class Answer:
    """What goes back; `cut` says at which point the connection ends instead."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: str | None = None  # "request": before the answer, "answer": within it, "never": nothing comes


class Wire:
    """Answers in the order they were scripted by method and path; the last one again and again."""

    def __init__(self) -> None:
        self.calls: list[Request] = []
        self._script: dict[tuple[str, str], list[Answer]] = defaultdict(list)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Answering,), {"wire": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def add(self, method: str, path: str, *, data: Any = None, **answer: Any) -> None:
        """Script the next answer; `data` is sent as JSON."""
        given = Answer(**answer)
        self._script[method, path].append(
            given if data is None else Answer(given.status, json.dumps(data), given.headers)
        )

    def next(self, request: Request) -> Answer:
        with self._lock:
            self.calls.append(request)
            script = self._script[request.method, request.url.partition("?")[0]]
            return script.pop(0) if len(script) > 1 else script[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Answering(BaseHTTPRequestHandler):
    wire: Wire
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        answer = self.wire.next(Request(self.command, self.path, self.headers, body))
        if answer.cut == "never":
            self.connection.settimeout(5)
            self.rfile.read(1)
            return
        if answer.cut == "request":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        content = answer.body.encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) + (10 if answer.cut else 0)))
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = answer.cut is not None

    do_GET = do_POST = _answer  # noqa: N815 -- the names that http.server looks for

    def log_message(self, *args: Any) -> None:
        """Say nothing."""
