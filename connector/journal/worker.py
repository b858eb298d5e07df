"""Who works: a name for this process that no other ever had, and whether a process that left one in a row is gone.

A killed process leaves its leases behind. One started again on the same machine need not wait until they run out: it
can see that their owner is no more. Process numbers come again, so the time at which the process began is in the name
(Linux), and so is the namespace that the number counts in: two containers may have one host name.
"""

import os
import secrets
import socket
from functools import cache
from pathlib import Path


def worker_name() -> str:
    """Return HOST/NAMESPACE/PID/BEGUN.NONCE. Who holds several things at once adds `:` and what tells them apart.

    The nonce tells a container that was started again from the old one with the same number.
    """
    return _name_of(os.getpid())  # asked each time: a fork is another process


def is_gone(worker: str) -> bool:
    """Tell whether the process of a worker's name certainly runs no more; False where it cannot be known."""
    place, _, number = worker.partition(":")[0].rpartition("/")[0].rpartition("/")
    begun = worker.partition(":")[0].rpartition("/")[2].partition(".")[0]
    if place != _place() or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)  # asks only
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return begun != _begun(int(number))


@cache
def _name_of(pid: int) -> str:
    return f"{_place()}/{pid}/{_begun(pid)}.{secrets.token_hex(4)}"


def _place() -> str:
    return f"{socket.gethostname()}/{_namespace()}"


def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return "-"


def _begun(pid: int) -> str:
    """Return when a process began, in ticks since the machine did; the field behind the name, which may hold spaces."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "-"
