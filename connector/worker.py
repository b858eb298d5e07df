"""Who works: a name for this process and thread that no other has, and whether a process that left one is gone.

A killed process leaves its leases behind. One started again on the same machine need not wait until they run out: it
can see that their owner is no more. Process numbers come again, so the time at which the process began is in the name
(Linux), and so is the namespace that the number counts in: two containers may have one host name.
"""

import os
import socket
import threading
from functools import cache
from pathlib import Path


def process_name() -> str:
    """Return this process's name: HOST/NAMESPACE/PID/BEGUN."""
    return _name_of(os.getpid())  # asked each time: a fork is another process


def worker_name() -> str:
    """Return the name of the present thread of this process."""
    return f"{process_name()}:{threading.get_ident()}"


def is_gone(worker: str) -> bool:
    """Tell whether the process of a worker's name certainly runs no more; False where it cannot be known."""
    process = worker.rpartition(":")[0] or worker
    place, _, rest = process.rpartition("/")[0].rpartition("/")
    begun = process.rpartition("/")[2]
    if place != _place() or not rest.isdecimal():
        return False
    try:
        os.kill(int(rest), 0)  # asks only
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return begun != _begun(int(rest))


@cache
def _name_of(pid: int) -> str:
    return f"{_place()}/{pid}/{_begun(pid)}"


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
