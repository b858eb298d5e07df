"""Who works, and whether a process that left a name behind is gone."""

import os
import subprocess
import sys
import threading

from connector.worker import is_gone, process_name, worker_name

SAY = "from connector.worker import worker_name; print(worker_name(), flush=True); input()"


def test_threads_of_a_process_have_names_of_their_own():
    names = [worker_name()]
    other = threading.Thread(target=lambda: names.append(worker_name()))
    other.start()
    other.join()
    assert len(set(names)) == 2
    assert all(name.startswith(f"{process_name()}:") for name in names)
    assert not any(is_gone(name) for name in names)
    assert not is_gone(process_name())


def test_a_process_is_gone_once_it_was_killed():
    process = subprocess.Popen([sys.executable, "-c", SAY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    assert not is_gone(name)
    process.kill()
    process.communicate()
    assert is_gone(name)


def test_another_process_with_the_same_number_is_not_the_one():
    host, namespace, number, begun = process_name().split("/")
    assert int(number) == os.getpid()
    assert is_gone(f"{host}/{namespace}/{number}/{int(begun) - 1}:1")


def test_what_another_machine_left_behind_cannot_be_known():
    _, namespace, _, begun = process_name().split("/")
    assert not is_gone(f"elsewhere/{namespace}/999999999/{begun}:1")
    assert not is_gone("host:140")
    assert not is_gone("other")
    assert not is_gone("")
