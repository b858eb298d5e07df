"""The whole connector on emulators with a clock that tests turn, a receiver of webhooks, and a mail server."""

import json
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

from connector.app import App, build_app, now_utc
from connector.cli.playground import Playground


@dataclass
class Clock:
    """A clock that stands still until it is turned."""

    at: datetime = field(default_factory=now_utc)

    def __call__(self) -> datetime:
        return self.at

    def turn(self, **span: float) -> None:
        self.at += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(playground: Playground, config_file: Path, clock: Clock) -> Iterator[App]:
    with build_app(playground.config(config_file), clock=clock, upgrade=True) as made:
        yield made


class Receiver:
    """An HTTP server that keeps what is posted to it; `status` is what it answers."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.status = 200
        receiver = self

        class Request(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.status == 200:
                    receiver.bodies.append(json.loads(body))
                self.send_response(receiver.status)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()
                self.wfile.write(b"said the receiver")

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/services/T000/B000/verysecretpath"

    @property
    def texts(self) -> list[str]:
        return [body["text"] for body in self.bodies]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class MailServer:
    """A mail server that keeps what it is given (RFC 5321, as far as smtplib goes)."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        self.recipients: list[str] = []
        self.login: str | None = None
        mail_server = self

        class Session(socketserver.StreamRequestHandler):
            def say(self, line: str) -> None:
                self.wfile.write(f"{line}\r\n".encode())

            def handle(self) -> None:
                self.say("220 mail.test ready")
                while line := self.rfile.readline().decode().strip():
                    match line.split()[0].upper():
                        case "EHLO":
                            self.say("250-mail.test\r\n250 AUTH PLAIN")
                        case "AUTH":
                            mail_server.login = line.split()[2]
                            self.say("235 welcome")
                        case "RCPT":
                            mail_server.recipients.append(line.partition(":")[2])
                            self.say("250 fine")
                        case "DATA":
                            self.say("354 go on")
                            mail_server.mails.append(self.read_mail())
                            self.say("250 kept")
                        case "QUIT":
                            self.say("221 bye")
                            return
                        case _:
                            self.say("250 fine")

            def read_mail(self) -> str:
                lines = []
                while (line := self.rfile.readline().decode()) != ".\r\n":
                    lines.append(line)
                return "".join(lines)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as made:
        yield made
