"""Who we are in the rows that we lease: one name for a process, that no other process ever had."""

import os
import secrets
import socket
from functools import cache


def worker_name() -> str:
    """Return host:pid:nonce. The nonce tells a container that was started again from the old one with the same pid."""
    return _named(os.getpid())


@cache
def _named(pid: int) -> str:  # a forked child has another pid, and so another name
    return f"{socket.gethostname()}:{pid}:{secrets.token_hex(4)}"
